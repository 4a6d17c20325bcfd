/** The lock's protocol in many orders of its steps: two processes never hold it at once, and one of them gets it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rng } from '../../src/rng.ts'
import { claim, type LockFiles, release } from '../../src/runs/claim.ts'

const FIRST = 'lock'
const successorOf = (text: string) => `lock after ${text}`

/**
 * What a process does: claims the lock, and then lets go of it, is killed in it, or was killed on the way (`steps`).
 */
interface Life {
  readonly name: string
  /** Steps after which it is killed; Infinity: never. */
  readonly steps: number
  /** Claims one after the other; each has a record of its own. */
  readonly claims: number
}

/** One schedule: which process makes the next step. Returns how many claims were granted. */
function play(lives: readonly Life[], dead: readonly string[], next: (running: readonly number[]) => number): number {
  const names = new Map<string, string>()
  const files: LockFiles = {
    read: (name) => names.get(name) ?? null,
    create: (name, text) => !names.has(name) && Boolean(names.set(name, text)),
    rename: (from, to) => {
      assert.ok(names.has(from), `${from} is renamed but is not there`)
      names.set(to, names.get(from)!)
      names.delete(from)
    },
    remove: (name) => void names.delete(name),
    list: () => [...names.keys()],
  }
  // A chain of dead records to begin with.
  let name = FIRST
  for (const text of dead) {
    names.set(name, text)
    name = successorOf(text)
  }
  const alive = new Set(lives.map((life) => life.name))
  const holders = new Set<string>()
  let granted = 0
  function* run({ name, claims }: Life): Generator<void, void, void> {
    for (let k = 0; k < claims; k++) {
      const mine = `${name} ${k}`
      const outcome = yield* claim(files, FIRST, mine, successorOf, (record) => alive.has(record.split(' ')[0]!))
      if (!outcome.held) continue
      holders.add(name)
      granted += 1
      assert.equal(holders.size, 1, `${[...holders].join(' and ')} hold it at once`)
      yield
      holders.delete(name)
      yield* release(files, FIRST, mine)
    }
  }
  const processes = lives.map((life) => ({ life, steps: run(life), done: 0 }))
  for (;;) {
    const running = processes.flatMap(({ life }, i) => (alive.has(life.name) ? [i] : []))
    if (running.length === 0) return granted
    const chosen = processes[next(running)]!
    const killed = chosen.done++ >= chosen.life.steps
    if (killed || chosen.steps.next().done) {
      alive.delete(chosen.life.name)
      holders.delete(chosen.life.name)
    }
  }
}

const three = (steps = [Infinity, Infinity, Infinity]): Life[] =>
  ['a', 'b', 'c'].map((name, i) => ({ name, steps: steps[i]!, claims: 1 }))

test('every schedule of three processes with at most three changes of turn, from a dead lock and from none', () => {
  let schedules = 0
  for (const dead of [[], ['x 0'], ['x 0', 'y 0']]) {
    // A schedule is when turns change, and to whom: [step, which of the others]; a process that is over passes on its
    // turn.
    const most = 14
    for (let i = 0; i < most; i++)
      for (let j = i; j < most; j++)
        for (let k = j; k < most; k++)
          for (let who = 0; who < 27; who++) {
            let step = 0
            let at = 0
            const turns = [i, j, k]
            const to = [who % 3, Math.floor(who / 3) % 3, Math.floor(who / 9)]
            const granted = play(three(), dead, (running) => {
              for (const [n, turn] of turns.entries()) if (turn === step) at = to[n]!
              step += 1
              while (!running.includes(at)) at = (at + 1) % 3
              return at
            })
            schedules += 1
            assert.ok(granted >= 1, 'one of them gets it')
          }
  }
  assert.ok(schedules > 40_000)
})

test('100,000 random schedules of four processes, some of which are killed on the way or come back', () => {
  const r = rng(1, 'schedules')
  let granted = 0
  for (let n = 0; n < 100_000; n++) {
    const lives = ['a', 'b', 'c', 'd'].map((name) => ({
      name,
      steps: r.below(3) === 0 ? r.below(20) : Infinity,
      claims: 1 + r.below(3),
    }))
    granted += play(lives, n % 2 === 0 ? [] : ['x 0'], (running) => running[r.below(running.length)]!)
  }
  assert.ok(granted > 100_000)
})

test('a record that was added behind an outdated one does not hold the lock', () => {
  const names = new Map([[FIRST, 'x 0']])
  const files: LockFiles = {
    read: (name) => names.get(name) ?? null,
    create: (name, text) => !names.has(name) && Boolean(names.set(name, text)),
    rename: (from, to) => {
      names.set(to, names.get(from)!)
      names.delete(from)
    },
    remove: (name) => void names.delete(name),
    list: () => [...names.keys()],
  }
  // b has seen the dead record x; then a takes over, and its record moves to the first name; b adds its own behind x,
  // and must not hold it.
  const dead = (record: string) => !record.startsWith('x')
  const b = claim(files, FIRST, 'b 0', successorOf, dead)
  for (let i = 0; i < 3; i++) b.next()
  const a = claim(files, FIRST, 'a 0', successorOf, dead)
  let step = a.next()
  while (!step.done) step = a.next()
  assert.deepEqual(step.value, { held: true, dead: ['x 0'] })
  let last = b.next()
  assert.equal(names.get(successorOf('x 0')), 'b 0', 'b has added its record behind the outdated one')
  while (!last.done) last = b.next()
  assert.deepEqual(last.value, { held: false, holder: 'a 0' })
})
