/** Questions to the server. A token comes in the part of the address that browsers send nowhere, and is hidden then. */

const KEY = 'irnn-token'

const token = takeToken()

function takeToken(): string | null {
  const given = /^#t=([\w-]+)/.exec(location.hash)?.[1]
  if (given === undefined) return stored()
  history.replaceState(null, '', `${location.pathname}${location.search}`)
  try {
    sessionStorage.setItem(KEY, given)
  } catch {} // it holds until the page is closed
  return given
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}

/** The server has refused a question; its message says why. */
export class Refused extends Error {
  override readonly name: string = 'Refused'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export type Question = Readonly<Record<string, string | number>>

function addressOf(path: string, question: Question): string {
  const words = Object.entries(question).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return `../api/${path}${words.length > 0 ? `?${words.join('&')}` : ''}`
}

/** @throws Refused for an answer that is none, TypeError where there is no server */
export async function ask(path: string, question: Question = {}, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(addressOf(path, question), { headers, ...(signal && { signal }) })
  if (response.ok) return response
  const { error = response.statusText } = (await response.json().catch(() => ({}))) as { error?: string }
  throw new Refused(response.status, response.status === 401 ? NO_TOKEN : error)
}

const NO_TOKEN = 'This server wants a token: open the whole address that the command has printed, with what follows #.'

/** Saves an answer under a name. */
export async function saveAnswer(path: string, question: Question, name: string): Promise<void> {
  save(await (await ask(path, question)).blob(), name)
}

export function save(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
