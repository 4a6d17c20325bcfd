import { useEffect } from 'preact/hooks'
import { ThemeButton } from '../shared/ThemeButton.tsx'
import { About, Controls, Transport } from './Controls.tsx'
import { powersAround } from './Lines.tsx'
import { Net } from './Net.tsx'
import { Reading } from './Reading.tsx'
import { alive, openReading } from './reading.ts'
import { DEFAULTS, type Settings, toHash } from './settings.ts'
import { slow } from './slow.ts'
import { attach, begin, keeping, obstacle, pauseAll, problems, resting, runAll, sides } from './state.ts'

/** What to look at first, as settings. */
const STORIES: readonly (readonly [title: string, settings: Partial<Settings>])[] = [
  ['the identity carries the gradient, tanh forgets', {}],
  ['gates carry it too', { left: 'lstm', right: 'gru' }],
  ['identity or random walk', { left: 'irnn', right: 'relu' }],
  ['make it explode', { optimizer: 'sgd', lr: 0.1, clipKind: 'none', right: null }],
  ['a clip saves it', { optimizer: 'sgd', lr: 0.1, clipKind: 'norm', clip: 0.1, right: null }],
  ['learn digits', { ...DEFAULTS.mnist }],
]

export function Play() {
  useEffect(() => {
    void openReading()
    void alive.then(attach)
    const keys = (event: KeyboardEvent) => keyPressed(event)
    document.addEventListener('keydown', keys)
    return () => document.removeEventListener('keydown', keys)
  }, [])
  return (
    <main>
      <header class="top">
        <h1>
          irnn <span class="soft">play</span>
        </h1>
        <p class="soft small">Space trains and pauses · . steps · r begins anew</p>
        <ThemeButton />
      </header>
      <Notes />
      <Reading />
      <section aria-labelledby="training">
        <h2 id="training">Train two networks side by side</h2>
        <nav aria-label="stories">
          <ol>
            {STORIES.map(([title, given]) => (
              <li key={title}>
                <a href={toHash({ ...DEFAULTS[given.task ?? 'adding'], ...given })}>{title}</a>
              </li>
            ))}
          </ol>
        </nav>
        <Controls />
        <About />
        <Transport />
        <Nets />
      </section>
    </main>
  )
}

/** By itself, so that what comes in many times a second draws nothing else anew. */
function Nets() {
  const axes = { loss: powersAround(lossesOf(), -3, 0), flow: powersAround(flowsOf(), -8, 0) }
  return (
    <div class="nets">
      {sides.map((side) => (
        <Net key={side.name} side={side} axes={axes} />
      ))}
    </div>
  )
}

function Notes() {
  const isolated = globalThis.crossOriginIsolated === true
  return (
    <div class="notes">
      {obstacle.value && (
        <p class="bad" role="alert">
          {obstacle.value}
        </p>
      )}
      {problems.value.map((problem) => (
        <p class="bad" role="alert" key={problem}>
          {problem}
        </p>
      ))}
      {resting.value && <p role="status">{resting.value}</p>}
      {keeping.value && (
        <p class="soft small" role="status">
          {keeping.value}
        </p>
      )}
      {!isolated && (
        <p class="soft small">
          One thread a network: this server does not isolate the page (npx irnn play does). The numbers are the same.
        </p>
      )}
    </div>
  )
}

function* lossesOf(): Iterable<number> {
  for (const side of sides) {
    side.news.value
    yield* side.history.min
    yield* side.history.max
  }
}

function* flowsOf(): Iterable<number> {
  for (const { probe } of sides) if (probe.value) yield* probe.value.norms
}

/** Keys work wherever nothing else wants them. */
function keyPressed(event: KeyboardEvent): void {
  const { target } = event
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA|BUTTON|A)$/.test(target.tagName)) return
  if (event.key === ' ') {
    event.preventDefault()
    if (slow.value || sides.some((side) => side.status.value === 'running')) {
      slow.value = false
      pauseAll()
    } else runAll()
  } else if (event.key === '.') for (const side of sides) void side.step(1)
  else if (event.key === 'r') void begin()
}
