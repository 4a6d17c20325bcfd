import type { Side } from './side.ts'
import { begin, settings } from './state.ts'

/** What has gone wrong in a training, each with what helps. */
export function Alerts({ side }: { readonly side: Side }) {
  return (
    <div role="status">
      {side.alerts.value.map(({ kind, level, message, remedy, iteration }) => (
        <p class={level === 'error' ? 'bad' : ''} key={`${kind} ${iteration}`}>
          ▲ Iteration {iteration.toLocaleString('en')}: {message}. <b>Remedy:</b> {remedy}.
        </p>
      ))}
      {side.alerts.value.some(({ kind }) => kind !== 'vanishing') && <Calmer />}
      {side.status.value === 'ended' && (
        <p class="bad">Ten minibatches in a row were not finite: training has ended. Begin anew with “reset”.</p>
      )}
    </div>
  )
}

/** The remedy that is a click away. */
function Calmer() {
  const lr = Number((settings.value.lr / 10).toPrecision(3))
  const begun = () => {
    settings.value = { ...settings.value, lr }
    void begin()
  }
  return (
    <button type="button" onClick={begun}>
      begin anew at a learning rate of {lr}
    </button>
  )
}
