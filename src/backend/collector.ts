/**
 * What a backend holds beside arrays, V8 does not count: shared memory of wasm, and threads. A program that makes a
 * backend for each request and drops it would never see one collected: 200 of two wasm threads took 2.2 TB of address
 * space and 211 threads. With an array that is counted for each, and never touched, it is 34 GB and 13 threads.
 */
const COUNTED = 2 ** 26

/** Tells the collector that something large is made, so that it looks for what was dropped before. */
export function wakeCollector(): void {
  try {
    new ArrayBuffer(COUNTED)
  } catch {} // where memory is short, the collector was there already
}
