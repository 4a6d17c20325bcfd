/** The recurrent network of a state dict, as names and shapes say it. */
import { InputError } from '../error.ts'
import { type Entry, listed, type Renamed } from './stateNames.ts'

/** The recurrent network of a file, as its names and shapes say it. */
export interface Stack {
  readonly prefix: string
  /** By the end of their names, `weight_ih_l0`; a cell's `weight_ih` is there as that, too. */
  readonly entries: ReadonlyMap<string, Entry>
  readonly gates: 1 | 3 | 4
  readonly hidden: number
  /** Width of what the first layer reads. */
  readonly input: number
  readonly layers: number
  readonly bidirectional: boolean
  readonly biases: boolean
}

/** What is read, for messages. */
export const WHAT = 'model file'

const RECURRENT = /^((?:.*\.)?)((?:weight|bias)_(?:ih|hh|hr))(_l\d+(?:_reverse)?)?$/

/** @throws InputError where there is none, several, half of one, or one that irnn has not */
export function stackOf(file: Renamed): Stack {
  const prefix = stackPrefix(file)
  const entries = new Map<string, Entry>()
  for (const entry of file.entries) {
    const [, before, kind, layer = '_l0'] = RECURRENT.exec(entry.name) ?? []
    if (before !== prefix) continue
    const there = entries.get(kind! + layer)
    if (there) throw new InputError(`${WHAT}: expected one of ${there.from} and ${entry.from}, which are the same part`)
    entries.set(kind! + layer, entry)
  }
  const projected = [...entries].find(([end]) => end.startsWith('weight_hr'))
  if (projected) {
    throw new InputError(
      `${WHAT}: ${projected[1].from}: an LSTM with proj_size, which multiplies its output by one more matrix, is not ` +
        'a cell that irnn has: train it without',
    )
  }
  const { gates, hidden } = gatesOf(entries.get('weight_hh_l0'), prefix, file)
  const first = entries.get('weight_ih_l0')!
  if (first.shape.length !== 2) {
    throw new InputError(`${WHAT}: ${first.from}: expected shape [${gates * hidden},I] but received [${first.shape}]`)
  }
  let layers = 1
  while (entries.has(`weight_ih_l${layers}`)) layers++
  const ends = [...entries.keys()]
  return {
    prefix,
    entries,
    gates,
    hidden,
    input: first.shape[1]!,
    layers,
    bidirectional: ends.some((end) => end.endsWith('_reverse')),
    biases: ends.some((end) => end.startsWith('bias')),
  }
}

function stackPrefix({ entries, named }: Renamed): string {
  const begins = entries.flatMap(({ name }) => {
    const [, before, kind, layer = '_l0'] = RECURRENT.exec(name) ?? []
    return kind === 'weight_ih' && layer === '_l0' ? [before!] : []
  })
  if (named.has('rnn')) {
    if (begins.includes('rnn.')) return 'rnn.'
    throw new InputError(`${WHAT}: names: expected rnn.weight_ih_l0 among what they make, but it is not there`)
  }
  const [prefix, ...others] = new Set(begins)
  if (prefix !== undefined && others.length === 0) return prefix
  if (prefix === undefined) {
    const parametrized = entries.find(({ name }) => name.includes('parametrizations.'))
    const remedy = parametrized
      ? `${parametrized.from} has a parametrization: take it away before you save, with ` +
        'torch.nn.utils.parametrize.remove_parametrizations'
      : `it holds ${listed(entries.map(({ from }) => from))}`
    throw new InputError(
      `${WHAT}: expected the weights of an nn.RNN, nn.LSTM or nn.GRU, one of which is weight_ih_l0, but ${remedy}`,
    )
  }
  throw new InputError(
    `${WHAT}: expected one recurrent network but it holds ${listed([prefix, ...others])}: say which, as names: ` +
      `{ '${prefix}': 'rnn.' }`,
  )
}

function gatesOf(hh: Entry | undefined, prefix: string, file: Renamed): Pick<Stack, 'gates' | 'hidden'> {
  if (!hh) {
    const from = file.entries.find(({ name }) => RECURRENT.exec(name)?.[1] === prefix)!.from
    throw new InputError(
      `${WHAT}: expected a weight_hh_l0 beside ${from} but there is none: the state dict is not whole`,
    )
  }
  const [rows = 0, hidden = 0] = hh.shape
  const gates = rows / hidden
  if (hh.shape.length === 2 && (gates === 1 || gates === 3 || gates === 4)) return { gates, hidden }
  throw new InputError(
    `${WHAT}: ${hh.from}: expected shape [H,H] of an RNN, [3·H,H] of a GRU or [4·H,H] of an LSTM but ` +
      `received [${hh.shape}]`,
  )
}
