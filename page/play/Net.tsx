import { useComputed, useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { save } from '../shared/ask.ts'
import type { ColorName } from '../shared/palette.ts'
import { colorOf } from '../shared/palette.ts'
import { Alerts } from './Alerts.tsx'
import { aroundZero, fromZero, ink, legendOf, sizeOf } from './colors.ts'
import type { Probe } from './engine/protocol.ts'
import { spokenFlow } from './flow.ts'
import { Heat } from './Heat.tsx'
import { Lines } from './Lines.tsx'
import { commandOf, type NetSettings, type PlayCell } from './settings.ts'
import type { Side } from './side.ts'
import { phase } from './slow.ts'
import { settings } from './state.ts'

export const CELL_NAMES: Readonly<Record<PlayCell, string>> = {
  irnn: 'IRNN',
  relu: 'ReLU',
  tanh: 'tanh',
  lstm: 'LSTM',
  gru: 'GRU',
}
/** A cell has the same colour everywhere. */
export const CELL_COLORS: Readonly<Record<PlayCell, ColorName>> = {
  irnn: 'c0',
  lstm: 'c1',
  gru: 'c3',
  tanh: 'c4',
  relu: 'c5',
}

/** Limits of the axes, the same for both networks: what is higher shall look higher. */
export interface Axes {
  readonly loss: readonly [number, number]
  readonly flow: readonly [number, number]
}

/** One network in training, all that can be seen of it. */
export function Net({ side, axes }: { readonly side: Side; readonly axes: Axes }) {
  const net = side.net.value
  if (net === null) return null
  const probe = side.probe.value
  return (
    <section
      class="net"
      aria-label={`${side.name} network: ${CELL_NAMES[net.cell]}`}
      data-status={side.status.value}
      data-iteration={side.iteration.value}
      data-kept={side.kept.value}
    >
      <Head side={side} net={net} />
      <Alerts side={side} />
      <LossLines side={side} net={net} range={axes.loss} />
      {probe && <FlowLines probe={probe} net={net} range={axes.flow} />}
      {probe && <Sequence probe={probe} net={net} />}
      <Actions side={side} net={net} />
    </section>
  )
}

const STATUS = {
  loading: 'loading',
  paused: 'paused',
  running: 'trains',
  ended: 'has ended',
  failed: 'failed',
} as const

function Head({ side, net }: { readonly side: Side; readonly net: NetSettings }) {
  const score = side.scores.value.at(-1)?.[1]
  const live = side.live.value
  const digits = net.task === 'mnist'
  return (
    <header>
      <h2>
        <span class={`dot ${CELL_COLORS[net.cell]}`} /> {CELL_NAMES[net.cell]}, {net.H} units
      </h2>
      <p>
        iteration <b>{side.iteration.value.toLocaleString('en')}</b>{' '}
        <span class="soft">{STATUS[side.status.value]}</span>
        {side.perSecond.value > 0 && <span class="soft"> · {Math.round(side.perSecond.value)} it/s</span>}
        {score !== undefined && (
          <span>
            {' '}
            · test {digits ? `accuracy ${(100 * score).toFixed(1)} %` : `MSE ${score.toPrecision(3)}`}{' '}
            <span class="soft">({digits ? 'chance 10 %' : 'always 1: 0.167'})</span>
          </span>
        )}
        {live !== null && <span class="soft"> · {(100 * live).toFixed(0)} % of units not 0</span>}
        {side.clipped.value > 0 && <span class="soft"> · {(100 * side.clipped.value).toFixed(0)} % clipped</span>}
      </p>
      {side.failure.value && (
        <p class="bad" role="alert">
          {side.failure.value}
        </p>
      )}
      {side.description.value && <p class="soft small">{side.description.value}</p>}
    </header>
  )
}

function LossLines({
  side,
  net,
  range,
}: {
  readonly side: Side
  readonly net: NetSettings
  readonly range: readonly [number, number]
}) {
  const baseline = net.task === 'mnist' ? Math.log(10) : 1 / 6
  const data = useComputed(() => {
    side.news.value
    const { iteration, min, mean, max } = side.history
    const positive = (values: readonly number[]) => values.map((value) => (value > 0 ? value : null))
    const known = iteration.map(() => baseline)
    return { x: [...iteration], ys: [positive(max), positive(mean), positive(min), known] }
  })
  const { x, ys } = data.value
  const color = CELL_COLORS[net.cell]
  const last = ys[1]!.at(-1)
  const name = net.task === 'mnist' ? 'cross-entropy' : 'squared error'
  const summary =
    x.length === 0
      ? 'No iteration is done yet.'
      : `The loss is ${last?.toPrecision(3) ?? 'not above 0'} at iteration ${x.at(-1)}.`
  return (
    <Lines
      title={`training loss (${name})`}
      summary={summary}
      x={x}
      ys={ys}
      lines={[
        { label: 'most', color, width: 0.5 },
        { label: 'mean', color, width: 2 },
        { label: 'least', color, width: 0.5 },
        { label: net.task === 'mnist' ? 'chance' : 'always 1', color: 'neutral', width: 1.5, dash: [2, 4] },
      ]}
      band={[0, 2]}
      xName="iteration"
      range={range}
    />
  )
}

function FlowLines({
  probe: { norms },
  net,
  range,
}: {
  readonly probe: Probe
  readonly net: NetSettings
  readonly range: readonly [number, number]
}) {
  const { verdict, words } = useMemo(() => spokenFlow(norms), [norms])
  const back = phase.value?.name === 'backward' ? 1 - phase.value.share : 0
  const from = Math.floor(back * norms.length)
  // The same lists while they say the same, or the chart is drawn again with every loss.
  const x = useMemo(() => Array.from(norms, (_, t) => t + 1), [norms])
  const ys = useMemo(() => [Array.from(norms, (value, t) => (value > 0 && t >= from ? value : null))], [norms, from])
  return (
    <>
      <Lines
        title="|dL/dh_t|, how much of the gradient arrives at step t"
        summary={`The gradient ${words}.`}
        x={x}
        ys={ys}
        lines={[{ label: '|dL/dh|', color: CELL_COLORS[net.cell], width: 2 }]}
        xName="step t"
        range={range}
        height={130}
      />
      <p class={`verdict ${verdict}`}>
        ← The gradient <b>{words}</b>.
      </p>
    </>
  )
}

/** The sequence of the test set that is looked at, and what the network makes of it. */
function Sequence({ probe, net }: { readonly probe: Probe; readonly net: NetSettings }) {
  const { x, h, H, norms, target, answer } = probe
  const T = norms.length
  const I = x.length / T
  const rectified = net.cell === 'irnn' || net.cell === 'relu'
  const most = useMemo(() => sizeOf(h), [h])
  const seen = phase.value?.name === 'forward' ? Math.ceil(phase.value.share * T) : T
  const adding = net.task === 'adding'
  return (
    <figure class="sequence">
      <figcaption>
        <b>{adding ? 'a sequence to add' : 'a digit to read'}</b>{' '}
        <span class="soft">
          target {adding ? target.toFixed(2) : target}, answer{' '}
          {adding ? answer.toFixed(2).replace(/^-0.00$/, '0.00') : answer}
        </span>
      </figcaption>
      <Heat
        class="heat strip"
        label={adding ? 'the numbers u, and below them the two marks' : 'pixels, step by step'}
        rows={I}
        columns={T}
        value={(row, t) => x[t * I + row]!}
        paint={() => ink(colorOf('ink'))}
        given={[x]}
        until={seen}
      />
      <Heat
        label={`hidden states h of ${H} units over ${T} steps, ${legendOf(most, rectified)}`}
        rows={H}
        columns={T}
        value={(unit, t) => h[t * H + unit]!}
        paint={() => (rectified ? fromZero(most) : aroundZero(most))}
        given={[h, rectified]}
        until={seen}
      />
      <p class="soft small">
        states of {H} units over {T} steps: {legendOf(most, rectified)}
      </p>
    </figure>
  )
}

function Actions({ side, net }: { readonly side: Side; readonly net: NetSettings }) {
  const said = useSignal('')
  const iteration = side.iteration.value
  const exact = iteration > 0 && !side.changed.value && settings.value.task === net.task
  const command = commandOf(net, Math.max(1, iteration))
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(command)
      said.value = 'copied'
    } catch {
      said.value = 'this browser does not let the page copy: copy the line above yourself'
    }
  }
  return (
    <div class="actions">
      <input
        class="command"
        readOnly
        aria-label="command"
        value={command}
        onFocus={(event) => event.currentTarget.select()}
      />
      <p class="soft small">
        {exact
          ? `gives model.safetensors the bytes of this network after iteration ${iteration}, on such a processor`
          : side.changed.value
            ? 'rate or clip were changed on the way, which no command does: begin anew for the same weights'
            : 'trains the same network; after an iteration here, to the same bits'}
      </p>
      <p>
        <button type="button" onClick={copy} title="copy the command">
          copy as command
        </button>{' '}
        <button type="button" onClick={() => void download(side)} disabled={side.status.value === 'loading'}>
          download model
        </button>{' '}
        <span role="status">{said.value}</span>
      </p>
    </div>
  )
}

/** Hands the model of a network to the browser as a file. */
async function download(side: Side): Promise<void> {
  const saved = await side.save()
  if (saved === null) return
  const { task, cell } = side.net.value!
  save(new Blob([saved.model], { type: 'application/octet-stream' }), `${task}-${cell}-${saved.iteration}.safetensors`)
}
