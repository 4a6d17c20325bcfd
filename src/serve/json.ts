/**
 * Bodies of requests. JSON.parse takes more than a service should: of two equal keys it silently takes the last, and a
 * key `__proto__` or ten thousand brackets can trip code that comes later.
 */
import { InputError, shown } from '../error.ts'

/** Brackets inside each other: rows need 3. */
const DEEPEST = 16
/** Keys of an object: a row may have 100,000 columns. */
const MOST_KEYS = 101_000

/**
 * The value of a body.
 * @throws InputError, one line, unless it is JSON in UTF-8 without equal keys in an object
 */
export function parseBody(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InputError('body: expected JSON in UTF-8 but its bytes are none: convert it')
  }
  if (text.trim() === '') throw new InputError('body: expected JSON but received nothing: send an object')
  refuseOddities(text)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError(`body: expected JSON but it does not parse: ${(error as Error).message}`)
  }
}

const COLON = /\s*:/y

/**
 * One pass over the text, which need not be JSON: strings, brackets, and which strings are keys.
 * @throws InputError where brackets lie too deep, and for a key that is there twice or is `__proto__`
 */
function refuseOddities(text: string): void {
  const open: ('array' | 'object' | Set<string>)[] = [] // what is open; of an object its keys, once it has one
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x7b || code === 0x5b) {
      open.push(code === 0x7b ? 'object' : 'array')
      if (open.length <= DEEPEST) continue
      throw new InputError(`body: expected at most ${DEEPEST} brackets inside each other but received more`)
    }
    if (code === 0x7d || code === 0x5d) open.pop()
    if (code !== 0x22) continue
    const end = endOfString(text, i)
    if (end < 0) return // no JSON
    const last = open.at(-1)
    COLON.lastIndex = end + 1
    if (last !== undefined && last !== 'array' && COLON.test(text)) {
      const keys = last === 'object' ? new Set<string>() : last
      open[open.length - 1] = keys
      addKey(keys, text.slice(i, end + 1))
    }
    i = end
  }
}

/** The quotation mark that ends the string which begins at `from`; -1 if there is none. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end
    while (text[before - 1] === '\\') before--
    if ((end - before) % 2 === 0) return end
  }
  return -1
}

function addKey(keys: Set<string>, quoted: string): void {
  // An escape can hide that two keys are equal.
  const key = quoted.includes('\\') ? unescaped(quoted) : quoted.slice(1, -1)
  if (key === '__proto__') throw new InputError('body: expected no key "__proto__": remove it')
  if (keys.has(key)) throw new InputError(`body: expected each key once but ${shown(key)} is there twice: remove one`)
  if (keys.size === MOST_KEYS) throw new InputError(`body: expected at most ${MOST_KEYS} keys but an object has more`)
  keys.add(key)
}

function unescaped(quoted: string): string {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted // it will not parse as a whole either
  }
}
