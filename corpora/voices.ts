/**
 * Who speaks: espeak-ng's variants of one American voice, each with a pitch, a range and a rate of its own, drawn from
 * the seed. No variant is in two parts of the corpus. Left out are variants with an echo, which would fill the silence
 * in which closures are seen, whispers, robots, and those that differ from another in loudness alone.
 */
import { permutation, type Rng, rng } from '../src/rng.ts'

const FEMALE = ['Andrea', 'Annie', 'anika', 'aunty', 'belinda', 'f1', 'grandma', 'linda', 'shelby', 'steph']
// biome-ignore format: a list
const MALE = [
  'Alex', 'Andy', 'Denis', 'Diogo', 'Gene2', 'Jacky', 'Lee', 'Michael', 'Mike', 'Nguyen', 'Reed', 'antonio', 'boris',
  'croak', 'david', 'ed', 'grandpa', 'gustave', 'ian', 'iven', 'm1', 'm3', 'm4', 'm6', 'm7', 'm8', 'max', 'michel', 'paul',
  'rob', 'sandro', 'travis',
]
export const VOICES: number = FEMALE.length + MALE.length

export type Part = 'train' | 'dev' | 'test'

export interface Speaker {
  /** As TIMIT names them: F or M, three letters, a digit. */
  readonly name: string
  readonly part: Part
  /** TIMIT's dialect region, 1 … 8: here a folder and no more. */
  readonly region: number
  readonly variant: string
  /** espeak-ng's scale, 50 its middle. */
  readonly pitch: number
  readonly range: number
  /** Words a minute. */
  readonly rate: number
  /** Root mean square of its speech, of 32768. */
  readonly level: number
}

/** `count` speakers: a tenth of them for development, three twentieths to test, one at least. */
export function speakers(count: number, seed: number): Speaker[] {
  const generator = rng(seed, 'speech/speakers')
  const women = shuffled(FEMALE, generator)
  const men = shuffled(MALE, generator)
  // Every fourth a woman, so that each part has both.
  const order = [...FEMALE, ...MALE].map((_, i) =>
    i % 4 === 1 && women.length > 0 ? women.pop()! : (men.pop() ?? women.pop()!),
  )
  const parts = divided(Math.min(count, VOICES))
  const sizes = divided(count)
  let index = 0
  let first = 0
  return (['dev', 'test', 'train'] as const).flatMap((part) => {
    const variants = order.slice(first, first + parts[part])
    first += parts[part]
    return Array.from({ length: sizes[part] }, (_, i) =>
      speaker(variants[i % variants.length]!, part, index++, rng(seed, `speech/speaker ${part} ${i}`)),
    )
  })
}

function speaker(variant: string, part: Part, index: number, generator: Rng): Speaker {
  const between = (least: number, most: number) => least + generator.below(most - least + 1)
  const letters = [index / 676, index / 26, index].map((n) => String.fromCharCode(65 + (Math.floor(n) % 26))).join('')
  return {
    name: `${FEMALE.includes(variant) ? 'F' : 'M'}${letters}0`,
    part,
    region: 1 + (index % 8),
    variant,
    pitch: between(35, 65),
    range: between(40, 70),
    rate: between(140, 195),
    level: Math.round(1000 * 2.5 ** generator.next()),
  }
}

function divided(count: number): Record<Part, number> {
  const dev = Math.max(1, Math.round(count * 0.1))
  const test = Math.max(1, Math.round(count * 0.15))
  return { dev, test, train: count - dev - test }
}

function shuffled(list: readonly string[], generator: Rng): string[] {
  return Array.from(permutation(list.length, generator), (i) => list[i]!)
}
