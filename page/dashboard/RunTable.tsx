import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { RunLine } from '../../src/figures/wire.ts'
import { duration, grouped, percent, significant } from '../../src/numbers.ts'
import { rowsAt } from './at.ts'
import { differsFrom } from './detail.ts'
import { Swatch } from './Swatch.tsx'
import { current, filter, listed, loaded, lookOf, pinned, runs, shown, togglePin, toggleRun } from './store.ts'

/** Pixels of a row, which are all alike: only those in sight are there. */
export const ROW = 62
const BEYOND = 4

/** The runs: which are drawn, how they are doing, and in what they differ from the one that is pinned. */
export function RunTable() {
  const box = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(600)
  const all = listed.value
  useEffect(() => {
    const element = box.current!
    const observer = new ResizeObserver(() => {
      height.value = element.clientHeight
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    const element = box.current!
    const at = current.value * ROW
    if (at < element.scrollTop) element.scrollTop = at
    else if (at + ROW > element.scrollTop + element.clientHeight) element.scrollTop = at + ROW - element.clientHeight
  }, [current.value])
  const first = Math.max(0, Math.floor(top.value / ROW) - BEYOND)
  const last = Math.min(all.length, Math.ceil((top.value + height.value) / ROW) + BEYOND)
  return (
    <section class="runs" aria-label="runs">
      <div class="filter">
        <input
          id="filter"
          type="search"
          placeholder="filter runs ( / )"
          aria-label="filter runs by words of name, task or cell"
          value={filter.value}
          onInput={(event) => {
            filter.value = event.currentTarget.value
            current.value = 0
          }}
        />
        <span>
          {grouped(all.length)} of {grouped(runs.value.size)}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <div class="rows" ref={box} tabIndex={0} onScroll={(event) => (top.value = event.currentTarget.scrollTop)}>
        {all.length === 0 && <p class="note">{emptyWords()}</p>}
        <table aria-rowcount={all.length}>
          <thead>
            <tr>
              <th scope="col" class="tick">
                <span class="unseen">drawn</span>
              </th>
              <th scope="col">
                <span class="unseen">run</span>
              </th>
              <th scope="col" class="numbers">
                <span class="unseen">score</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {first > 0 && <Spacer rows={first} />}
            {all.slice(first, last).map((run, i) => (
              <Row key={run.id} run={run} at={first + i} />
            ))}
            {last < all.length && <Spacer rows={all.length - last} />}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function emptyWords(): string {
  if (!loaded.value) return 'Reading the folders …'
  if (runs.value.size > 0) return 'No run has all of these words.'
  return 'No runs yet: "npx irnn train adding" makes one, and it is here a second later.'
}

function Spacer({ rows }: { rows: number }) {
  return (
    <tr>
      <td ref={(cell) => cell?.style.setProperty('height', `${rows * ROW}px`)} />
    </tr>
  )
}

function Row({ run, at }: { run: RunLine; at: number }) {
  const isShown = shown.value.includes(run.id)
  const look = lookOf(run.id)
  const differs = isShown ? differsFrom(run.id) : ''
  return (
    <tr class={at === current.value ? 'current' : ''} aria-rowindex={at + 1} data-run={run.id}>
      <td>
        <input type="checkbox" checked={isShown} aria-label={`draw ${run.name}`} onChange={() => toggleRun(run.id)} />
      </td>
      <td class="name">
        <button type="button" class="plain" title={run.name} onClick={() => (current.value = at)}>
          {isShown && <Swatch {...look} />} <bdi>{run.name}</bdi>
        </button>
        <div class="soft">{stateWords(run)}</div>
        {differs !== '' && <div class="soft differs">{differs}</div>}
      </td>
      <td class="score">
        <Scores run={run} />
        <button
          type="button"
          class="plain pin"
          aria-pressed={pinned.value === run.id}
          aria-label={`${pinned.value === run.id ? 'pinned' : 'pin'} ${run.name}`}
          title="its details, and settings compared with it"
          onClick={() => togglePin(run.id)}
        >
          {pinned.value === run.id ? 'pinned' : 'pin'}
        </button>
      </td>
    </tr>
  )
}

/** At the crosshair, else the last one; and the best. */
function Scores({ run }: { run: RunLine }) {
  const { score } = run
  if (!score) return <div class="soft">no score yet</div>
  const said = (value: number | string | undefined) =>
    typeof value === 'number' ? (score.percent ? percent(value) : significant(value)) : String(value)
  const at = rowsAt.value.get(run.id)?.eval?.[score.key]
  return (
    <>
      <div>
        <b>{said(at ?? score.last)}</b> {at === undefined ? '' : 'here'}
      </div>
      <div class="soft" title={`best, at iteration ${grouped(score.bestAt)}`}>
        best {said(score.best)}
      </div>
    </>
  )
}

/** "irnn · running, 64 % · 277 it/s · 1 h 12 min left" */
export function stateWords({ cell, state, reason, iteration, iterations, rate, seconds, problems }: RunLine): string {
  const share = iterations ? `${Math.min(100, Math.floor((100 * iteration) / iterations))} %` : grouped(iteration)
  const words = [cell]
  if (state === 'running') {
    words.push(`running, ${share}`)
    if (rate) words.push(`${grouped(rate)} it/s`)
    if (rate && iterations) words.push(`${duration((iterations - iteration) / rate)} left`)
  } else if (state === 'ended')
    words.push(`${reason === 'iterations' ? 'ended' : `ended: ${reason}`}, ${duration(seconds)}`)
  else words.push(`stopped at ${share}`)
  if (problems.length > 0) words.push('⚠ damaged records')
  return words.join(' · ')
}
