/** The command that makes a run again: what was typed, without what says where it goes and what is shown of it. */
import { type Flag, isSwitch, longOf } from '../src/flag.ts'

/** What says where a run goes, what is shown of it and how fast it is. */
const OWN: ReadonlySet<string> = new Set([
  '--out',
  '--overwrite',
  '--json',
  '--pause-at',
  '--checkpoint-every',
  '--threads',
])

/**
 * @param start the command's own words, which come first
 * @param words what was typed after them; those that are no flags are left out
 * @param flags that the command has
 * @param fixed options that are said whether they were typed or not, by name: defaults may change
 */
export function commandOf(
  start: string,
  words: readonly string[],
  flags: readonly Flag[],
  fixed: Readonly<Record<string, string | number>>,
): string {
  const typed: string[] = []
  for (let i = 0; i < words.length; i++) {
    const [name, glued] = split(words[i]!)
    const flag = flags.find((one) => longOf(one) === name)
    if (!flag) continue
    const value = isSwitch(flag) ? undefined : (glued ?? words[++i])
    if (OWN.has(name) || name in fixed) continue
    typed.push(name, ...(value === undefined ? [] : [placeOf(flag) ?? quoted(value)]))
  }
  const said = Object.entries(fixed).flatMap(([name, value]) => [name, quoted(String(value))])
  return [start, ...said, ...typed].join(' ')
}

/** "--lr=0.1" → "--lr", "0.1" */
function split(word: string): [name: string, value?: string] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

/** DIR, FILE or FILES for what lies on the machine. */
function placeOf({ flag }: Flag): string | undefined {
  return /<(dir|files?)>/.exec(flag)?.[1]?.toUpperCase()
}

function quoted(word: string): string {
  return /^[\w.,:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
