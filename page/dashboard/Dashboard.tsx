import { computed } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { grouped, significant } from '../../src/numbers.ts'
import { ThemeButton } from '../shared/ThemeButton.tsx'
import { rowsAt } from './at.ts'
import { Chart } from './Chart.tsx'
import { chartSpecs, reads } from './charts.ts'
import { Detail, DetailFlow, DetailForecasts, Differences } from './Detail.tsx'
import { follow, KEYS, nextScale, nextTau, toggleLogX } from './keys.ts'
import { RunTable } from './RunTable.tsx'
import * as store from './store.ts'

export function Dashboard() {
  return (
    <>
      <Bar />
      <div class="body">
        <aside>
          <RunTable />
          <Detail />
        </aside>
        <main>
          <Notice />
          {store.loaded.value && store.shown.value.length === 0 && (
            <p class="note">No run is drawn: tick one in the list.</p>
          )}
          <div class="charts">
            <DetailForecasts />
            {chartSpecs().map((spec) => (
              <Chart key={spec.id} spec={spec} />
            ))}
            <DetailFlow />
          </div>
          <Differences />
        </main>
      </div>
      <Spoken />
      <Help />
    </>
  )
}

/** A live region, which must be there before it has something to say. */
function Notice() {
  const { notice } = store
  return (
    <div class="notice" role="status">
      {notice.value}{' '}
      {notice.value !== '' && (
        <button type="button" onClick={() => (notice.value = '')}>
          I have read it
        </button>
      )}
    </div>
  )
}

const running = computed(() => [...store.runs.value.values()].filter(({ state }) => state === 'running').length)
const CONNECTIONS = { connecting: 'connecting', live: 'live', lost: 'no server', asleep: 'asleep' } as const
const SCALES = { auto: 'y as usual', log: 'y log', linear: 'y linear' } as const

function Bar() {
  const { axisX, logX, scaleY, tau, zoom, connection } = store
  const runs = running.value
  return (
    <header class="bar">
      <h1>irnn runs</h1>
      <span class={`state ${connection.value}`} role="status">
        {CONNECTIONS[connection.value]}
        {runs > 0 ? `, ${grouped(runs)} running` : ''}
      </span>
      <label>
        x{' '}
        <select
          value={axisX.value}
          onChange={(event) => {
            axisX.value = event.currentTarget.value === 'seconds' ? 'seconds' : 'iteration'
            zoom.value = null
          }}
        >
          <option value="iteration">iteration</option>
          <option value="seconds">seconds</option>
        </select>
      </label>
      <button type="button" aria-pressed={logX.value} onClick={toggleLogX}>
        x log
      </button>
      <button type="button" onClick={nextScale}>
        {SCALES[scaleY.value]}
      </button>
      <button type="button" aria-pressed={tau.value > 0} onClick={nextTau}>
        {tau.value > 0 ? `smoothed over ${significant(tau.value)}` : 'not smoothed'}
      </button>
      {zoom.value && (
        <button type="button" onClick={() => (zoom.value = null)}>
          whole axis
        </button>
      )}
      <button type="button" aria-pressed={zoom.value?.follow === true} onClick={follow}>
        follow
      </button>
      <button
        type="button"
        aria-pressed={store.tablesOpen.value}
        onClick={() => (store.tablesOpen.value = !store.tablesOpen.value)}
      >
        tables
      </button>
      <ThemeButton />
      <button type="button" aria-label="help" onClick={() => (store.helpOpen.value = true)}>
        ?
      </button>
    </header>
  )
}

/** What the crosshair shows, said aloud once it rests. */
function Spoken() {
  const at = store.crosshair.value
  const said = store.shownRuns.value.slice(0, 6).flatMap((run) => {
    const row = rowsAt.value.get(run.id)?.[at?.of === 'evals' ? 'eval' : 'step']
    const value = at && row?.[at.key]
    const spec = { percent: at?.of === 'evals' && run.score?.percent === true }
    return typeof value === 'number' ? [`${store.shortName(run)} ${reads(spec, value)}`] : []
  })
  return (
    <p class="unseen" role="status">
      {at && said.length > 0 ? `${store.axisX.value} ${grouped(at.x)}: ${said.join(', ')}` : ''}
    </p>
  )
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null)
  const open = store.helpOpen.value
  useEffect(() => {
    if (open) dialog.current?.showModal()
    else dialog.current?.close()
  }, [open])
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={() => (store.helpOpen.value = false)}>
      <h2 id="help-title">keys</h2>
      <dl>
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p>
        Drag in a chart for a part of it, with Shift to move that part; a double click shows all again. The lines are
        means of what shares a column of pixels, the bands are the least and the most: nothing is left out. ▼ is a
        number that is not finite, dots from top to bottom are where a run was taken up again.
      </p>
      <button type="button" onClick={() => (store.helpOpen.value = false)}>
        close
      </button>
    </dialog>
  )
}
