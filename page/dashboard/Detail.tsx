import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { RunLine } from '../../src/figures/wire.ts'
import { grouped } from '../../src/numbers.ts'
import { ask, saveAnswer } from '../shared/ask.ts'
import { type Detail as Details, details, differences } from './detail.ts'
import { Flow } from './Flow.tsx'
import { stateWords } from './RunTable.tsx'
import { detailRun, notice, shortName, shownRuns } from './store.ts'

/** The run that is pinned, else the first that is drawn: state, alerts, methods, settings, and its records to keep. */
export function Detail() {
  const run = detailRun.value
  if (!run) return null
  const detail = details.value.get(run.id)
  return (
    <section class="detail" aria-label="details of a run">
      <h2>
        <bdi>{run.name}</bdi>
      </h2>
      <p>{run.title}</p>
      <Progress run={run} />
      <p class="soft">{stateWords(run)}</p>
      {run.problems.map((problem) => (
        <p class="bad" key={problem}>
          {problem}
        </p>
      ))}
      {detail && <Alerts detail={detail} />}
      <p>
        <button type="button" onClick={() => keep(run)}>
          all records as CSV ({grouped(run.rows)} of steps)
        </button>
      </p>
      {detail?.fit && <Fit fit={detail.fit} />}
      {detail && (
        <details>
          <summary>settings</summary>
          <table>
            <tbody>
              {detail.settings.map(([key, value]) => (
                <tr key={key}>
                  <th scope="row">{key}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </section>
  )
}

function keep(run: RunLine): void {
  saveAnswer('csv', { id: run.id }, `${shortName(run)}.csv`).catch((error: Error) => {
    notice.value = `The records cannot be had: ${error.message}`
  })
}

function Progress({ run: { iteration, iterations, state } }: { run: RunLine }) {
  if (!iterations || state === 'ended') return null
  return <progress value={iteration} max={iterations} aria-label="iterations done" />
}

function Alerts({ detail: { alerts } }: { detail: Details }) {
  return (
    <div role="status" aria-label="alerts">
      <ul class="alerts">
        {alerts.map((alert) => (
          <li key={`${alert.kind}${alert.iteration}`} class={alert.level === 'error' ? 'bad' : ''}>
            <b>{alert.level === 'error' ? '✖' : '⚠'}</b> iteration {grouped(alert.iteration)}: {alert.message}:{' '}
            <i>{alert.remedy}</i>
          </li>
        ))}
      </ul>
    </div>
  )
}

function Fit({ fit }: { fit: NonNullable<Details['fit']> }) {
  const [head = [], ...rows] = fit.methods
  return (
    <div class="fit">
      <h3>methods on the test part</h3>
      <div class="wide">
        <table>
          <thead>
            <tr>
              {head.map((name) => (
                <th scope="col" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row[0]} class={row[0] === fit.winner ? 'best' : ''}>
                {row.map((cell, i) => (
                  <td key={head[i]}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p>{fit.verdict}</p>
    </div>
  )
}

/** The picture that irnn fit has drawn of its forecasts; as an image it can do nothing. */
function Picture({ id, name }: { id: number; name: string }) {
  const address = useSignal('')
  useEffect(() => {
    let made = ''
    const load = async () => {
      made = URL.createObjectURL(await (await ask('picture', { id })).blob())
      address.value = made
    }
    load().catch(() => {})
    return () => URL.revokeObjectURL(made)
  }, [id])
  if (address.value === '') return null
  return (
    <figure class="chart" aria-labelledby="forecasts">
      <header>
        <h2 id="forecasts">forecasts of {name}</h2>
      </header>
      <img src={address.value} alt="What came in the test part, the network's forecasts and their band" />
    </figure>
  )
}

/** The forecasts of the run in the details, where irnn fit has made it. */
export function DetailForecasts() {
  const run = detailRun.value
  const hasPicture = run && details.value.get(run.id)?.fit?.hasPicture
  return hasPicture ? <Picture id={run.id} name={shortName(run)} /> : null
}

/** The map of the gradient of the run in the details, where it was probed. */
export function DetailFlow() {
  const run = detailRun.value
  const probes = run ? (details.value.get(run.id)?.probes ?? 0) : 0
  return run && probes > 0 ? <Flow id={run.id} name={shortName(run)} probes={probes} /> : null
}

/** The settings in which the runs drawn differ. */
export function Differences() {
  const rows = differences()
  if (rows.length === 0) return null
  return (
    <section class="differences" aria-label="settings that differ">
      <h2>settings that differ</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <div class="wide" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">setting</th>
              {shownRuns.value.map((run) => (
                <th scope="col" key={run.id}>
                  <bdi>{shortName(run)}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ key, values }) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                {values.map((value, i) => (
                  <td key={shownRuns.value[i]?.id}>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}
