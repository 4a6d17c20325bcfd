/** What a service is at the moment, for its metrics. */
import type { Reading } from './metrics.ts'
import type { Pool, Unread } from './pool.ts'
import type { Queue } from './queue.ts'
import type { SessionTable } from './sessions.ts'
import type { Shelf } from './shelf.ts'

export interface Measured {
  readonly counts: { readonly steps: number; readonly reloads: number; readonly reloadsFailed: number }
  readonly sessions: SessionTable
  readonly queue: Queue
  readonly pool: Pool
  readonly unread: Unread
  readonly shelf: Shelf
  connections(): number
}

export function readingsOf({ counts, sessions, queue, pool, unread, shelf, connections }: Measured): Reading[] {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const gauge = (name: string, help: string, value: number): Reading => ({ name, help, type: 'gauge', value })
  const counter = (name: string, help: string, value: number): Reading => ({ name, help, type: 'counter', value })
  return [
    counter('irnn_steps_total', 'Rows or steps that were read.', counts.steps),
    counter('irnn_reloads_total', 'Runs that were opened anew.', counts.reloads),
    counter('irnn_reload_failures_total', 'Runs that could not be opened anew.', counts.reloadsFailed),
    gauge('irnn_sessions', 'Sessions that are open.', sessions.open),
    gauge('irnn_session_rows', 'Rows that sessions keep.', sessions.kept),
    gauge('irnn_models', 'Models in memory, those of replaced runs among them.', shelf.models),
    gauge('irnn_waiting', 'Requests that wait for their turn.', queue.waiting),
    gauge('irnn_body_bytes', 'Bytes of bodies in memory.', pool.bytes),
    gauge('irnn_unread_bytes', 'Bytes of answers that are not read yet.', unread.bytes),
    gauge('irnn_connections', 'Connections that are open.', connections()),
    gauge('process_resident_memory_bytes', 'Memory of the process.', rss),
    gauge('nodejs_heap_size_used_bytes', 'Memory of JavaScript.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Memory of arrays, weights among them.', external),
    counter('process_cpu_seconds_total', 'Processor time.', (user + system) / 1e6),
  ]
}
