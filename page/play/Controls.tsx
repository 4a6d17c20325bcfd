import { useSignal } from '@preact/signals'
import { CELL_NAMES } from './Net.tsx'
import {
  CELLS,
  CLIPS,
  FIELDS,
  OPTIMIZERS,
  type PlayTask,
  readSetting,
  type Settings,
  settingText,
  withTask,
} from './settings.ts'
import { PHASES, phase, slow, slowMotion } from './slow.ts'
import { answer, asked, begin, choose, others, pauseAll, runAll, settings, sides } from './state.ts'

const CLIP_NAMES = { norm: 'norm at', value: 'values at', derivative: 'derivatives at', none: 'none' } as const

/** What trains, and how. */
export function Controls() {
  const { value } = settings
  const hidden = new Set((others.value.hide ?? '').split(','))
  const adding = value.task === 'adding'
  return (
    <form class="controls" onSubmit={(event) => event.preventDefault()} aria-label="settings of the networks">
      <label>
        task{' '}
        <select value={value.task} onChange={(event) => choose(withTask(value, event.currentTarget.value as PlayTask))}>
          <option value="adding">adding problem</option>
          <option value="mnist">digits (2,000 of MNIST)</option>
        </select>
      </label>
      {adding && <Field name="T" label="steps T" />}
      <Choice name="left" label="left" values={CELLS.map((cell) => [cell, CELL_NAMES[cell]])} />
      <Choice
        name="right"
        label="right"
        values={[...CELLS.map((cell) => [cell, CELL_NAMES[cell]] as const), ['none', 'none']]}
      />
      <Field name="H" label="units H" />
      {!hidden.has('optimizer') && (
        <Choice name="optimizer" label="optimiser" values={OPTIMIZERS.map((one) => [one, one])} />
      )}
      {!hidden.has('lr') && <Rate />}
      {!hidden.has('clip') && (
        <Choice name="clipKind" label="clip" values={CLIPS.map((kind) => [kind, CLIP_NAMES[kind]])} />
      )}
      {!hidden.has('clip') && value.clipKind !== 'none' && <Field name="clip" label="limit" />}
      {adding && !hidden.has('inputs') && (
        <Choice
          name="inputs"
          label="inputs"
          values={[
            ['raw', 'raw'],
            ['normalised', 'normalised'],
          ]}
        />
      )}
      <Field name="seed" label="seed" />
    </form>
  )
}

function Choice({
  name,
  label,
  values,
}: {
  readonly name: keyof Settings
  readonly label: string
  readonly values: readonly (readonly [string, string])[]
}) {
  return (
    <label>
      {label}{' '}
      <select
        key={`${asked.value === null}`}
        value={settingText(settings.value, name)}
        onChange={(event) => {
          const result = readSetting(name, event.currentTarget.value)
          if ('value' in result) choose({ ...settings.value, [name]: result.value })
        }}
      >
        {values.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  )
}

/** A number that may be typed; what it cannot be is said beside it, and changes nothing. */
function Field({ name, label }: { readonly name: keyof Settings; readonly label: string }) {
  const problem = useSignal('')
  return (
    <label>
      {label}{' '}
      <input
        class="number"
        inputMode="decimal"
        value={settingText(settings.value, name)}
        aria-invalid={problem.value !== ''}
        title={FIELDS[name].expected}
        onChange={(event) => {
          const result = readSetting(name, event.currentTarget.value)
          problem.value = 'problem' in result ? result.problem : ''
          if ('value' in result) choose({ ...settings.value, [name]: result.value })
        }}
      />
      {problem.value && (
        <span class="bad" role="alert">
          {' '}
          {problem.value}
        </span>
      )}
    </label>
  )
}

/** The task, for who meets it here. */
export function About() {
  const { task, T } = settings.value
  return (
    <p class="soft small">
      {task === 'adding'
        ? `Of ${T} numbers from 0 to 1, two are marked: after the last, the network answers with their sum. `
        : 'A digit comes pixel by pixel, row by row: after the last of 784, the network says which of ten it is. '}
      {task === 'adding'
        ? 'To answer always 1 has a mean squared error (MSE) of 0.167.'
        : 'To guess is right one time in ten.'}
    </p>
  )
}

/** The rate, and what people try first: ten times and a tenth of it. */
function Rate() {
  const by = (factor: number, words: string) => {
    const { value } = settings
    const result = readSetting('lr', String(Number((value.lr * factor).toPrecision(6))))
    return (
      <button
        type="button"
        disabled={'problem' in result}
        title={words}
        onClick={() => 'value' in result && choose({ ...value, lr: result.value as number })}
      >
        {factor > 1 ? '× 10' : '÷ 10'} <span class="unseen">{words}</span>
      </button>
    )
  }
  return (
    <span class="pair">
      <Field name="lr" label="learning rate" /> {by(0.1, 'a tenth of the learning rate')}{' '}
      {by(10, 'ten times the learning rate')}
    </span>
  )
}

/** Starts, stops and steps both networks. */
export function Transport() {
  const all = sides.filter((side) => side.net.value !== null)
  const running = slow.value || all.some((side) => side.status.value === 'running')
  const ready = all.some((side) => side.status.value === 'paused')
  const stop = () => {
    slow.value = false
    pauseAll()
  }
  return (
    <fieldset class="controls" aria-label="training">
      <button type="button" class="main" disabled={!running && !ready} onClick={running ? stop : runAll}>
        {running ? '❚❚ pause' : '▶ train'}
      </button>
      <button
        type="button"
        disabled={running || !ready}
        onClick={() => {
          for (const side of all) void side.step(1)
        }}
      >
        step
      </button>
      <button type="button" disabled={running || !ready} onClick={() => void slowMotion()}>
        slow motion
      </button>
      <button type="button" disabled={slow.value} onClick={() => void begin()}>
        reset
      </button>
      <span role="status">{phase.value && PHASES[phase.value.name]}</span>
      {asked.value !== null && (
        <span class="question" role="alertdialog" aria-label="begin anew?">
          This begins anew: {Math.max(...sides.map((side) => side.iteration.value)).toLocaleString('en')} iterations
          would go.{' '}
          <button type="button" onClick={() => answer(true)}>
            begin anew
          </button>{' '}
          <button type="button" onClick={() => answer(false)}>
            keep them
          </button>
        </span>
      )}
    </fieldset>
  )
}
