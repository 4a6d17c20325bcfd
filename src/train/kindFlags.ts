/**
 * Flags of an option that comes in kinds (an optimiser, a schedule, a clip): one for the kind, others for its parts.
 */
import { InputError } from '../error.ts'
import { type Flag, type Given, longOf, nameOf } from '../flag.ts'

interface Kinds {
  readonly kind: string
}

/** A flag that sets a part of the option. */
export interface PartFlag<S extends Kinds> extends Flag {
  /** The field that it sets, or what it makes of the whole. */
  readonly sets: string | ((spec: S, value: number) => S)
  /** The kinds that have it. Absent: all. */
  readonly of?: readonly S['kind'][]
  /** The kind to change to if the present kind has no such part and no flag names a kind. */
  readonly means?: S['kind']
}

export interface KindFlags<S extends Kinds> {
  /** The flag that names the kind. */
  readonly kind?: Flag
  /** Makes each kind with its defaults. */
  readonly kinds: { readonly [K in S['kind']]: () => S }
  /** Fields that a new kind takes over from the present one, if both have them. */
  readonly keeps?: readonly string[]
  readonly parts: readonly PartFlag<S>[]
}

/** What the flags make of `base`. @throws InputError for a flag of another kind, to which nothing would listen */
export function fromKindFlags<S extends Kinds>(flags: KindFlags<S>, base: S, given: Given): S {
  const parts = flags.parts.filter((part) => given[nameOf(part)] !== undefined)
  const meant = parts.find(({ of, means }) => means !== undefined && !of!.includes(base.kind))?.means
  const named = flags.kind && (given[nameOf(flags.kind)] as S['kind'] | undefined)
  const kind = named ?? meant ?? base.kind
  let spec = kind === base.kind ? base : another(flags, base, kind)
  for (const part of parts) {
    if (part.of && !part.of.includes(kind)) refuse(part, flags.kind!, kind)
    const value = given[nameOf(part)] as number
    spec = typeof part.sets === 'string' ? { ...spec, [part.sets]: value } : part.sets(spec, value)
  }
  return spec
}

function another<S extends Kinds>({ kinds, keeps = [] }: KindFlags<S>, base: S, kind: S['kind']): S {
  const fresh = kinds[kind]()
  const kept = Object.entries(base).filter(([name]) => keeps.includes(name) && name in fresh)
  return { ...fresh, ...Object.fromEntries(kept) }
}

function refuse<S extends Kinds>(part: PartFlag<S>, choice: Flag, kind: string): never {
  throw new InputError(
    `${longOf(part)}: expected ${longOf(choice)} ${part.of!.join(' or ')}, to which it belongs, but it is ${kind}: ` +
      'remove it, or give that',
  )
}
