/** Answers: each with the security headers, whatever it says. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { InputError } from '../error.ts'
import { Refusal } from '../serve/refusal.ts'
import { SECURITY } from './headers.ts'

export type Headers = Readonly<Record<string, string>>

export const JSON_TYPE = 'application/json'
const NO_STORE: Headers = { 'cache-control': 'no-store' }

/** Sends an answer; to HEAD its headers alone. */
export function answer(
  { method }: IncomingMessage,
  response: ServerResponse,
  {
    status = 200,
    type,
    body,
    headers = NO_STORE,
  }: {
    readonly status?: number
    readonly type: string
    readonly body: Uint8Array | string
    readonly headers?: Headers
  },
): void {
  if (response.headersSent || response.destroyed) return
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, { ...SECURITY, ...headers, 'content-type': type, 'content-length': bytes.length })
  response.end(method === 'HEAD' ? undefined : bytes)
}

export function answerJson(request: IncomingMessage, response: ServerResponse, value: object): void {
  answer(request, response, { type: JSON_TYPE, body: `${JSON.stringify(value)}\n` })
}

/** What went wrong, as who asks may know it. No failure ends the server. */
export function answerError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const { status, message, headers } = refusalOf(error)
  if (response.headersSent) response.destroy()
  const body = `${JSON.stringify({ error: message })}\n`
  answer(request, response, { status, type: JSON_TYPE, body, headers: { ...NO_STORE, ...headers } })
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof InputError) return new Refusal(422, error.message)
  return new Refusal(500, 'internal error: this should not happen')
}

/** Headers of an answer whose end is not known yet. */
export function begin(
  request: IncomingMessage,
  response: ServerResponse,
  type: string,
  headers: Headers = {},
): boolean {
  response.writeHead(200, { ...SECURITY, ...NO_STORE, ...headers, 'content-type': type })
  if (request.method !== 'HEAD') return true
  response.end()
  return false
}
