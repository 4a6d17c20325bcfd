/** Requests that are refused: what status they get, and the line that says why. */

/** A request that is not done. Its message is for whoever sent it. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** The service has enough to do at the moment. */
export function busy(message: string, seconds = 1): Refusal {
  return new Refusal(503, message, { 'retry-after': String(seconds) })
}
