/** Names of a file's tensors as a caller says them. */
import { didYouMean, InputError, refuseNoObject, shown } from '../error.ts'

/** A tensor of a file. */
export interface Entry {
  /** With what `names` say of it. */
  readonly name: string
  /** In the file. */
  readonly from: string
  readonly shape: readonly number[]
}

/** The tensors of a file under the names that a caller gives them. */
export interface Renamed {
  readonly entries: readonly Entry[]
  /** What of ours `names` make: rnn, head, embedding, projection. */
  readonly named: ReadonlySet<string>
}

/** @throws InputError for what are no names, for one that no tensor has, and where two tensors get the same */
export function entriesOf(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  names: Readonly<Record<string, string>>,
): Renamed {
  const rules = rulesOf(names)
  const found = new Set<Rule>()
  const held = new Map<string, Entry>()
  for (const [from, { shape }] of tensors) {
    const rule = rules.find(({ key }) => key === '' || from === key || from.startsWith(`${key}.`))
    if (rule) found.add(rule)
    const name = rule ? joined(rule.target, rule.key === '' ? from : from.slice(rule.key.length + 1)) : from
    const there = held.get(name)
    if (there) throw new InputError(`names: ${shown(there.from)} and ${shown(from)} would both be ${shown(name)}`)
    held.set(name, { name, from, shape })
  }
  const idle = rules.find((rule) => !found.has(rule))
  if (idle) {
    const begins = [...tensors.keys()].map((name) => name.slice(0, name.lastIndexOf('.')))
    throw new InputError(
      `names: expected a tensor, or tensors that begin with ${shown(idle.key)} and a dot, but there is none` +
        (didYouMean(idle.key, [...new Set(begins)]) || `: it holds ${listed([...tensors.keys()])}`),
    )
  }
  return {
    entries: [...held.values()],
    named: new Set(rules.map(({ target }) => target.split('.')[0]!).filter((part) => part !== '')),
  }
}

interface Rule {
  readonly key: string
  readonly target: string
}

/** The longest first, without the dots at their ends. */
function rulesOf(names: Readonly<Record<string, string>>): Rule[] {
  refuseNoObject('names', names)
  const bare = (text: string) => text.replace(/\.$/, '')
  const rules = Object.entries(names).map(([key, target]: [string, unknown]): Rule => {
    if (typeof target === 'string') return { key: bare(key), target: bare(target) }
    throw new InputError(`names: ${shown(key)}: expected a name, say 'rnn.', but received ${shown(target)}`)
  })
  return rules.sort((a, b) => b.key.length - a.key.length)
}

function joined(target: string, rest: string): string {
  return target === '' || rest === '' ? target + rest : `${target}.${rest}`
}

/** Names in a message; of many the first few. */
export function listed(names: readonly string[]): string {
  const some = names.slice(0, 6).map((name) => (name === '' ? 'one without a name' : name))
  return some.join(', ') + (names.length > some.length ? ` and ${names.length - some.length} more` : '')
}
