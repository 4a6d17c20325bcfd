/**
 * The order of work. There is one event loop, and all computing happens in it: a step takes 0.4 µs and a forecast 50,
 * less than the way to another thread and back. So that a question about health is not kept waiting, work goes one by
 * one through a queue, which gives the event loop a turn after each `SLICE`, and long work pauses as often.
 */
import { performance } from 'node:perf_hooks'
import type { Limits } from './limits.ts'
import { busy, Refusal } from './refusal.ts'

/** Milliseconds of computing after which others have a turn. */
const SLICE = 10

/** What work that takes long calls between its parts. */
export interface Work {
  /**
   * To be awaited if it is a promise: then others had a turn. @throws Refusal if the work has taken too long, or nobody
   * waits for it any more
   */
  pause(): Promise<void> | undefined
}

export type QueueLimits = Pick<Limits, 'maxWaiting' | 'maxWait' | 'maxSeconds'>

/** Work that waits, of which a bounded amount may. */
export interface Queue {
  readonly waiting: number
  /**
   * What `task` gives, when its turn has come.
   * @param wanted whether somebody waits for it
   * @throws Refusal if too much waits already, or it waited for too long
   */
  run<T>(task: (work: Work) => T | Promise<T>, wanted?: () => boolean): Promise<T>
}

export function createQueue({ maxWaiting, maxWait, maxSeconds }: QueueLimits): Queue {
  const waiting: (() => Promise<void>)[] = []
  let running = false
  let spent = 0 // milliseconds since the event loop had its last turn
  let turn: Promise<void> | null = null

  /** The next turn of the event loop. */
  function nextTurn(): Promise<void> {
    turn ??= new Promise((resolve) => {
      setImmediate(() => {
        spent = 0
        turn = null
        resolve()
      })
    })
    return turn
  }

  async function drain(): Promise<void> {
    running = true
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (spent >= SLICE) await nextTurn()
      void nextTurn()
      await next()
    }
    running = false
  }

  async function timed<T>(task: (work: Work) => T | Promise<T>, wanted: () => boolean): Promise<T> {
    let computed = 0
    let since = performance.now()
    const account = () => {
      const now = performance.now()
      computed += now - since
      spent += now - since
      since = now
    }
    const pause = () => {
      if (performance.now() - since < SLICE) return undefined
      account()
      if (!wanted()) throw new Refusal(499, 'the connection is closed')
      if (computed > 1000 * maxSeconds) {
        throw new Refusal(413, `expected work of at most ${maxSeconds} s but it takes longer: send less at once`)
      }
      return nextTurn().then(() => {
        since = performance.now()
      })
    }
    try {
      return await task({ pause })
    } finally {
      account()
    }
  }

  return {
    get waiting() {
      return waiting.length
    },
    run(task, wanted = () => true) {
      if (waiting.length >= maxWaiting) {
        return Promise.reject(busy(`expected at most ${maxWaiting} requests that wait but there are more: try again`))
      }
      const since = performance.now()
      return new Promise((resolve, reject) => {
        waiting.push(async () => {
          try {
            if (!wanted()) throw new Refusal(499, 'the connection is closed')
            // Its sender has probably given up, and those behind it have not yet.
            if (performance.now() - since > 1000 * maxWait)
              throw busy(`it waited for more than ${maxWait} s: try again`)
            resolve(await timed(task, wanted))
          } catch (error) {
            reject(error)
          }
        })
        if (!running) void drain()
      })
    },
  }
}
