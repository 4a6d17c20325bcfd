import { useComputed, useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { colorOf } from '../shared/palette.ts'
import { aroundZero, fromZero, ink, legendOf, logarithmic, sizeOf } from './colors.ts'
import { Draw } from './Draw.tsx'
import type { Read } from './engine/protocol.ts'
import { Heat } from './Heat.tsx'
import {
  ahead,
  at,
  choose,
  chooseScale,
  connect,
  connected,
  count,
  failure,
  model,
  number,
  openFile,
  play,
  playing,
  read,
  rest,
  scale,
  shown,
  speed,
} from './reading.ts'

/** Fixed, so that what is small looks small: log10 of |dlogit/dx|. */
const [LOW, HIGH] = [-4, 2]

/** A trained network reads a digit, pixel by pixel. */
export function Reading() {
  const dropping = useSignal(false)
  const drop = (event: DragEvent) => {
    event.preventDefault()
    dropping.value = false
    const file = event.dataTransfer?.files[0]
    if (file) void openFile(file)
  }
  return (
    <section
      class={`reading${dropping.value ? ' dropping' : ''}`}
      aria-labelledby="reading"
      onDragOver={(event) => {
        event.preventDefault()
        dropping.value = true
      }}
      onDragLeave={() => {
        dropping.value = false
      }}
      onDrop={drop}
    >
      <header>
        <h2 id="reading">A network reads a digit, one pixel a step</h2>
        <p class="soft small">{model.value || 'loading the network'}</p>
        {failure.value && (
          <p class="bad" role="alert">
            {failure.value}
          </p>
        )}
      </header>
      <Choice />
      <div class="columns">
        <Digit />
        <Strips />
        <Draw />
      </div>
    </section>
  )
}

function Choice() {
  return (
    <div class="controls">
      <button type="button" onClick={() => choose(number.value - 1)} title="the digit before">
        ◀ <span class="unseen">digit before</span>
      </button>
      <span>
        {shown.value?.name ?? 'test digit'}
        {shown.value?.label !== null && shown.value !== null && <span class="soft"> (a {shown.value.label})</span>}
      </span>
      <button type="button" onClick={() => choose(number.value + 1)} title="the next digit">
        <span class="unseen">next digit</span> ▶
      </button>
      <button type="button" onClick={() => choose(Math.floor(Math.random() * count()))}>
        random
      </button>
      <button type="button" onClick={playing.value ? rest : play}>
        {playing.value ? 'rest' : 'read'}
      </button>
      <label>
        speed{' '}
        <input
          type="range"
          min="-3"
          max="2"
          step="0.5"
          value={Math.log2(speed.value)}
          onInput={(event) => {
            speed.value = 2 ** Number(event.currentTarget.value)
          }}
        />
      </label>
      <label class="file">
        my model{' '}
        <input
          type="file"
          accept=".safetensors"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0]
            if (file) void openFile(file)
            event.currentTarget.value = ''
          }}
        />
      </label>
      <label>
        pixels{' '}
        <select value={scale.value} onChange={(event) => chooseScale(event.currentTarget.value as 'unit' | 'raw')}>
          <option value="unit">0 to 1</option>
          <option value="raw">0 to 255</option>
        </select>
      </label>
    </div>
  )
}

function Digit() {
  const digit = shown.value
  if (digit === null) return <div class="digit" />
  const { pixels } = digit
  const t = at.value
  const found = connected.value
  const pixel = (row: number, column: number) => {
    const s = row * 28 + column
    return (pixels[s]! / 255) * (s < t ? 1 : 0.25)
  }
  return (
    <div class="digit">
      <Heat
        class="heat square"
        label={`28 by 28 pixels that the network sees, ${t} of them read`}
        rows={28}
        columns={28}
        value={pixel}
        paint={() => ink(colorOf('ink'))}
        given={[pixels, t]}
      />
      <Heat
        class="heat square"
        label={
          found
            ? `how much logit ${found.k} after pixel ${found.t + 1} depends on each pixel, from 10⁻⁴ to 10²`
            : 'no connectivity yet'
        }
        rows={28}
        columns={28}
        value={(row, column) => found?.norms[row * 28 + column] ?? 0}
        paint={() => logarithmic(LOW, HIGH)}
        given={[found]}
      />
      <Bar />
      <p class="soft small">
        {found
          ? `|dlogit of ${found.k} after pixel ${found.t + 1} / dpixel|`
          : 'Point at the strips: on which pixels does that answer depend?'}
      </p>
    </div>
  )
}

function Bar() {
  return (
    <div class="bar">
      <span>10⁻⁴</span>
      <Heat
        class="heat"
        label="colours from 10⁻⁴ to 10²"
        rows={1}
        columns={64}
        value={(_, i) => 10 ** (LOW + ((HIGH - LOW) * i) / 63)}
        paint={() => logarithmic(LOW, HIGH)}
        given={[]}
      />
      <span>10²</span>
    </div>
  )
}

function Strips() {
  const reading = read.value
  if (reading === null) return <div class="strips" />
  return <StripsOf reading={reading} />
}

function StripsOf({ reading }: { readonly reading: Read }) {
  const { T, K, shares, h, H, rectified } = reading
  const t = Math.min(T, at.value)
  const order = useComputed(() => (read.value === null ? [] : byOnset(read.value)))
  const most = useMemo(() => sizeOf(h), [h])
  const best = t > 0 ? ahead(reading, t) : null
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect()
    const step = Math.min(T - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * T)))
    connect(step, ahead(reading, step + 1).k)
  }
  return (
    <div class="strips">
      <p class="answer" data-step={t} data-class={best?.k}>
        after pixel <b>{t}</b> of {T}:{' '}
        {best ? (
          <span>
            most like a <b>{best.k}</b>, {(100 * best.share).toFixed(1)} %
          </span>
        ) : (
          'nothing read yet'
        )}
        <span class="soft"> · trained to answer only at the end</span>
      </p>
      <div class="steps" onPointerMove={point}>
        <div class="classes">
          <div class="names" aria-hidden="true">
            {Array.from({ length: K }, (_, k) => (
              <span key={k} class={k === best?.k ? 'best' : ''}>
                {k}
              </span>
            ))}
          </div>
          <Heat
            class="heat"
            label={`share of each of ${K} classes after every pixel`}
            rows={K}
            columns={T}
            value={(k, step) => shares[step * K + k]!}
            paint={() => ink(colorOf('c0'))}
            given={[shares]}
            until={t}
          />
        </div>
        <Heat
          class="heat states"
          label={`hidden states of ${H} units after every pixel, by when they wake, ${legendOf(most, rectified)}`}
          rows={H}
          columns={T}
          value={(row, step) => h[step * H + order.value[row]!]!}
          paint={() => (rectified ? fromZero(most) : aroundZero(most))}
          given={[h]}
          until={t}
        />
        <span class="now" style={{ left: `${(100 * t) / T}%` }} />
      </div>
      <input
        type="range"
        class="time"
        aria-label="pixels read"
        min="0"
        max={T}
        value={t}
        onInput={(event) => {
          rest()
          at.value = Number(event.currentTarget.value)
          if (at.value > 0) connect(at.value - 1, ahead(reading, at.value).k)
        }}
      />
      <p class="soft small">
        {H} hidden units, by when they wake: {legendOf(most, rectified)}
      </p>
    </div>
  )
}

/** Units by the first step at which they are well above their rest. */
function byOnset({ h, H, T, rectified }: Read): number[] {
  const onset = Array.from({ length: H }, (_, unit) => {
    if (!rectified) return unit
    for (let t = 0; t < T; t++) if (h[t * H + unit]! > 0.05) return t
    return T
  })
  return onset.map((_, unit) => unit).sort((a, b) => onset[a]! - onset[b]! || a - b)
}
