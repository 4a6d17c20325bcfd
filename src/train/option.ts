/** What an option of training is; options.ts lists them. */

import { type Flag, type Given, type Kind, kindOf, nameOf } from '../flag.ts'
import type * as z from '../schema.ts'
import { fromKindFlags, type KindFlags } from './kindFlags.ts'

/** One option of training. */
export interface TrainOption<V> {
  /** The value if none is given. It may depend on the number of iterations. */
  readonly default: V | ((iterations: number) => V)
  /** @throws InputError, `training: name: expected … but received …` */
  check(value: unknown, name: string): V
  /** Its flags on the command line; empty if it has none. */
  readonly flags: readonly Flag[]
  /**
   * The value with what the flags say of it; `base` is the recipe's. @throws InputError when they do not go together
   */
  fromFlags(base: V | undefined, given: Given): V | undefined
  /** Whether a resumed run may have another value, because no number of the run so far depends on it. Default false. */
  readonly mayChange: boolean
  /** Whether only tasks that ask for it (TaskDefinition.extras) have its flags. Default false. */
  readonly onRequest: boolean
}

interface Declared<V> {
  readonly default: V | ((iterations: number) => V)
  readonly value: Kind<V>
  readonly flag?: string
  readonly help?: Flag['help']
  readonly flagDefault?: number
  readonly mayChange?: boolean
  readonly onRequest?: boolean
}

/** An option of one value, and of one flag if it has one. */
export function option<V>({ value, flag, help = '', flagDefault, ...rest }: Declared<V>): TrainOption<V> {
  const flags =
    flag === undefined ? [] : [{ flag, help, value, ...(flagDefault !== undefined && { default: flagDefault }) }]
  return {
    mayChange: false,
    onRequest: false,
    ...rest,
    flags,
    check: (given, name) => value.check(given, name, 'training'),
    fromFlags: (base, given) => (flag === undefined ? base : ((given[nameOf({ flag })] as V | undefined) ?? base)),
  }
}

/** An option that comes in kinds, which have flags of their own. */
export function kinds<S extends { readonly kind: string }>(
  schema: z.Schema<S>,
  { default: value, flags, onRequest = false }: { default: S; flags: KindFlags<S>; onRequest?: boolean },
): TrainOption<S> {
  return {
    default: value,
    mayChange: false,
    onRequest,
    flags: [...(flags.kind ? [flags.kind] : []), ...flags.parts],
    check: (given, name) => kindOf(schema, '').check(given, name, 'training'),
    fromFlags: (base, given) => fromKindFlags(flags, base ?? value, given),
  }
}
