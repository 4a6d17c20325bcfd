/** The runs of a service by name. One that is opened anew takes the place of the old one; who has that keeps it. */
import type { Backend } from '../backend/backend.ts'
import { InputError } from '../error.ts'
import type { Limits } from './limits.ts'
import { openServed } from './open.ts'
import type { Served } from './served.ts'

/** A run at somebody's disposal until it is let go. */
export interface Held {
  readonly name: string
  readonly served: Served
  /** Lets it go; a second time it does nothing. */
  release(): void
}

/** What opening a run anew came to. */
export interface Reloaded {
  readonly run: string
  /** Why the old one stays; null: the new one is there. */
  readonly problem: string | null
}

export interface Shelf {
  readonly names: readonly string[]
  /** Models in memory: those of runs that were replaced too, while a session or a request has them. */
  readonly models: number
  /** null if there is no run of that name. */
  hold(name: string): Held | null
  /** Looks without holding. */
  peek(name: string): Served | null
  /** Opens all runs anew. One that cannot be opened stays as it was. */
  reload(): Reloaded[]
  /** Gives all memory back. */
  dispose(): void
}

interface Copy {
  readonly served: Served
  users: number
  replaced: boolean
}

/** @throws InputError when one of them cannot be opened */
export function createShelf(
  places: Readonly<Record<string, string>>,
  options: { readonly backend: Backend; readonly limits: Limits },
): Shelf {
  const current = new Map<string, Copy>()
  const all = new Set<Copy>()
  const open = (place: string): Copy => {
    const copy = { served: openServed(place, options), users: 0, replaced: false }
    all.add(copy)
    return copy
  }
  const give = (copy: Copy) => {
    if (copy.users > 0 || !copy.replaced || !all.delete(copy)) return
    copy.served.dispose()
  }
  const dispose = () => {
    for (const { served } of all) served.dispose()
    all.clear()
    current.clear()
  }
  try {
    for (const [name, place] of Object.entries(places)) current.set(name, open(place))
  } catch (error) {
    dispose()
    throw error
  }
  return {
    names: Object.keys(places),
    get models() {
      return all.size
    },
    peek: (name) => current.get(name)?.served ?? null,
    hold(name) {
      const copy = current.get(name)
      if (copy === undefined) return null
      copy.users += 1
      let held = true
      return {
        name,
        served: copy.served,
        release() {
          if (!held) return
          held = false
          copy.users -= 1
          give(copy)
        },
      }
    },
    reload() {
      return Object.entries(places).map(([run, place]) => {
        try {
          const fresh = open(place)
          const old = current.get(run)!
          current.set(run, fresh)
          old.replaced = true
          give(old)
          return { run, problem: null }
        } catch (error) {
          if (!(error instanceof InputError || error instanceof RangeError)) throw error
          return { run, problem: error.message }
        }
      })
    },
    dispose,
  }
}
