/**
 * Letting the event loop run while we compute. An await alone gives timers and signals no chance: promises go before them.
 * setImmediate does where it exists (Node); elsewhere a message channel, without the 4 ms browsers add to nested timeouts.
 */
export interface Turns {
  /** Whether the event loop has waited for 15 ms or more. */
  due(): boolean
  /** Lets it run everything that is ready. */
  take(): Promise<void>
}

const MAX_BLOCKED_MS = 15

export function turns(): Turns {
  let last = performance.now()
  return {
    due: () => performance.now() - last >= MAX_BLOCKED_MS,
    async take() {
      await turn()
      last = performance.now()
    },
  }
}

function turn(): Promise<void> {
  if (typeof setImmediate === 'function') return new Promise((resolve) => setImmediate(resolve))
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
