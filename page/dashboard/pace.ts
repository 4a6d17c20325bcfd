/**
 * How often the page draws. Where training has all cores of the machine, a picture is paid for by it: the page then
 * draws so seldom that a hundredth of a core does it. The first records after some quiet are drawn at once.
 */

/** Milliseconds between two pictures at least: ten a second are enough to see a run move. */
const LEAST = 100
/** Of one core, for pictures, and the longest pause between two: where no core is idle, and where one is. */
const BUSY = { share: 0.01, most: 8000 } as const
const IDLE = { share: 0.25, most: 500 } as const
/** A picture is as much work again for other threads and processes of the browser, which bring it to the screen. */
const WHOLE = 2
/** So long after they have moved the pointer or pressed a key readers see all of it. */
const ATTENTION = 2000

let busy = false
let acted = Number.NEGATIVE_INFINITY
/** Milliseconds of work of a picture, on average over the last ones. */
let cost = 10
let hasten = () => {}

/** @param isBusy whether no core of the machine is idle, as its server says */
export function setBusy(isBusy: boolean): void {
  busy = isBusy
}

/** Whether all cores are at work and nobody looks closely. */
export function isSeldom(): boolean {
  return busy && performance.now() - acted > ATTENTION
}

/** How long to wait from one picture to the next. */
export function pause(): number {
  const { share, most } = isSeldom() ? BUSY : IDLE
  return Math.max(LEAST, Math.min(most, (WHOLE * cost) / share))
}

/** The reader does something: what waits for its time comes soon. */
export function attend(): void {
  acted = performance.now()
  hasten()
}

/** Resolves when the next picture may be drawn. */
export function rested(): Promise<void> {
  const began = performance.now()
  return new Promise((resolve) => {
    let timer = setTimeout(resolve, pause())
    hasten = () => {
      clearTimeout(timer)
      timer = setTimeout(resolve, began + LEAST - performance.now())
    }
  })
}

/** Draws, and takes the time of it: of scripts, and of the layout and the paint that follow. */
export function timed(draw: () => void): void {
  const began = performance.now()
  let scripts = 0
  // A message is a task: it comes after this one and all that it has put off to its end.
  afterTask(() => {
    scripts = performance.now() - began
  })
  requestAnimationFrame((frame) => {
    const late = performance.now()
    afterTask(() => {
      const taken = scripts + performance.now() - Math.max(late, frame)
      cost += (taken - cost) / 4
    })
  })
  draw()
}

function afterTask(then: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    then()
  }
  port2.postMessage(null)
}

/** A pointer over a chart and keys are attention; a page that is only open has none. */
export function watchReader(): void {
  addEventListener('keydown', attend)
  addEventListener('pointerdown', attend)
  addEventListener('pointermove', ({ target }) => {
    if (target instanceof Element && target.closest('.canvas')) attend()
  })
}
