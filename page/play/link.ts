/** A worker as the page knows it, and what it needs to be one here. */
import type { Command, Report } from './engine/protocol.ts'

export interface Link {
  send(command: Command, moved?: ArrayBuffer[]): void
  close(): void
}

/** @param died hears why no report will come any more */
export type OpenLink = (take: (report: Report) => void, died: (message: string) => void) => Link

/** Why there can be no worker; empty where there can. */
export function noWorkers(): string {
  if (typeof Worker === 'function') return ''
  return 'This browser has no workers, and without one a page cannot train: use one of 2021 or later.'
}

/** Threads of one of `nets` networks that train at once. */
export function threadsFor(nets: number): number {
  if (globalThis.crossOriginIsolated !== true) return 1
  return Math.max(1, Math.min(2, Math.floor((navigator.hardwareConcurrency || 1) / nets)))
}
