/** Runs as a service over HTTP, in Node: what `irnn serve` is made of. */

export type { LogEntry } from './serve/exchange.ts'
export type { Limits } from './serve/limits.ts'
export { type Address, createService, type Service, type ServiceOptions } from './serve/service.ts'
export type { Reloaded } from './serve/shelf.ts'
