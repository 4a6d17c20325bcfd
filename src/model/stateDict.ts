/**
 * A state dict of PyTorch, under whatever names: which of a file's tensors are the recurrent stack, the head, the
 * embedding, and what spec their shapes say. What shapes do not say is asked for; what could be two things is never
 * guessed. Names of modules and options: torch.nn.RNN, LSTM, GRU, their cells, Linear, Embedding.
 */
import type { Numbers } from '../batch.ts'
import { InputError, refuseNoObject, refuseUnknown } from '../error.ts'
import cells, { type Cell, type RnnInput } from '../layers/cells.ts'
import { normalisationShapes } from './normalisation.ts'
import { type ParameterShape, parameterShapes } from './parameters.ts'
import { type HeadInput, type ModelInput, type ModelSpec, modelSpec, type OutputInput } from './spec.ts'
import { type Entry, entriesOf, listed, type Renamed } from './stateNames.ts'
import { type Stack, stackOf, WHAT } from './stateStack.ts'

/** A spec, or the parts of one that the shapes in a file do not say. */
export interface SpecParts {
  /** Default: as wide as the first layer reads; tokens, if an embedding of that width is there. */
  readonly input?: ModelInput['input'] | undefined
  /** Of a network without gates, `cell` must be said: relu or tanh. */
  readonly rnn?: Partial<RnnInput> | undefined
  readonly projection?: ModelInput['projection']
  /**
   * `kind` must be said, unless there is one output, which is a value; and `steps`, unless both `kind` and `size` are,
   * as in `classification(10)`: then it is 'last'.
   */
  readonly head?: Partial<HeadInput> | undefined
  readonly output?: OutputInput | undefined
}

/** How a file that is no model of irnn's own is read. */
export interface StateDictOptions {
  readonly spec?: SpecParts | ModelInput | ModelSpec | undefined
  /**
   * Names or beginnings of names in the file, and what they are here: `{ 'gru.': 'rnn.', 'fc.': 'head.' }`. Beginnings
   * end at a dot. Of what is not named, the one that fits is found.
   */
  readonly names?: Readonly<Record<string, string>> | undefined
  /** Where the spec's input says `normalise`: mean and deviation [I]. Default: the file's `input.mean`, `input.std`. */
  readonly normalisation?: { readonly mean: Numbers; readonly std: Numbers } | undefined
}

/** What a file does not say, and a caller must. */
export type Unsaid = 'cell' | 'kind' | 'steps'

/** A state dict that fits a spec, or whose spec waits for what is unsaid. */
export interface StateDict {
  /** Null while something is unsaid. */
  readonly spec: ModelSpec | null
  readonly unsaid: readonly Unsaid[]
  /** Parameters by name, each with its name in the file. Biases that the file has not are 0 and not among them. */
  readonly origins: ReadonlyMap<string, string>
  /** Names of the tensors that are no part of the model. */
  readonly left: readonly string[]
}

type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>

const PARTS = ['input', 'rnn', 'projection', 'head', 'output']

/** @throws InputError where it holds no such network, or several, or shapes that do not fit the spec or each other */
export function stateDictOf(tensors: Shapes, options: StateDictOptions): StateDict {
  const { spec: given = {}, names = {}, normalisation } = options
  const said = partsOf(given)
  const file = entriesOf(tensors, names)
  const stack = stackOf(file)
  const matrices = matricesOf(file)
  const embedding = embeddingOf(file, matrices, stack, said)
  const rest = matrices.filter((matrix) => matrix !== embedding)
  const { head, projection } = headOf(file, rest, stack, said)
  if (!embedding && said.input === undefined) refuseUnclear(rest, stack, head)
  const { parts, unsaid } = completed(said, { stack, embedding, head, projection })
  if (unsaid.length > 0) return { spec: null, unsaid, origins: new Map(), left: [] }
  const spec = modelSpec(parts)
  const modules = { rnn: stack.prefix, head: head.module, embedding: embedding?.module, projection: projection?.module }
  const shapes = [...parameterShapes(spec), ...(normalisation ? [] : normalisationShapes(spec))]
  const origins = originsOf(shapes, file, modules, absentBiases(stack, head, projection))
  const used = new Set(origins.values())
  const extra = [...stack.entries.values()].find(({ from }) => !used.has(from))
  if (extra) {
    const { layers, bidirectional } = spec.rnn
    throw new InputError(
      `${WHAT}: ${extra.from}: expected no such tensor in a network of ${layers} layer${layers > 1 ? 's' : ''}` +
        `${bidirectional ? ' and both directions' : ''}: correct the spec, or the file`,
    )
  }
  return { spec, unsaid, origins, left: file.entries.map(({ from }) => from).filter((from) => !used.has(from)) }
}

function partsOf(given: SpecParts): SpecParts {
  refuseUnknown('spec', given, PARTS)
  for (const name of ['rnn', 'head'] as const)
    if (given[name] !== undefined) refuseNoObject(`spec: ${name}`, given[name])
  return given
}

/** A weight of two dimensions that is not of the recurrent network: of a linear layer, or a table. */
interface Matrix {
  /** `fc.` of fc.weight */
  readonly module: string
  readonly entry: Entry
  readonly rows: number
  readonly columns: number
  readonly biased: boolean
}

function matricesOf({ entries }: Renamed): Matrix[] {
  const there = new Set(entries.map(({ name }) => name))
  return entries.flatMap((entry): Matrix[] => {
    const [, module] = /^((?:.*\.)?)weight$/.exec(entry.name) ?? []
    const [rows, columns] = entry.shape
    if (module === undefined || entry.shape.length !== 2) return []
    return [{ module, entry, rows: rows!, columns: columns!, biased: there.has(`${module}bias`) }]
  })
}

const LIKE_A_TABLE = /emb|encoder|lookup|lut\b|wte/i

/** The table of tokens that the first layer reads from; null if it reads values. */
function embeddingOf({ named }: Renamed, all: readonly Matrix[], stack: Stack, { input }: SpecParts): Matrix | null {
  const own = all.find(({ module }) => module === 'embedding.')
  if (named.has('embedding')) return own ?? missing('embedding.weight')
  const asked = typeof input === 'object' && input !== null && 'vocabulary' in input
  if (input !== undefined && !asked) return null
  if (asked && own) return own
  const fit = all.filter(({ biased, columns }) => !biased && (asked || columns === stack.input))
  const found = fit.filter(({ module }) => LIKE_A_TABLE.test(module))
  if (found.length > 1) throw several('embedding', found)
  return found[0] ?? (asked ? missing('embedding.weight') : null)
}

function missing(name: string): never {
  throw new InputError(`${WHAT}: expected a matrix ${name} but there is none: say what it is called, as names`)
}

function several(role: string, found: readonly Matrix[]): InputError {
  const names = found.map(({ entry, rows, columns }) => `${entry.from} [${rows},${columns}]`)
  return new InputError(
    `${WHAT}: expected one ${role} but ${listed(names)} could be it: say which, as names: ` +
      `{ '${found[0]!.module}': '${role}.' }`,
  )
}

/** What reads the outputs of the network: one linear layer, or two where the caller says so. */
function headOf(
  { named }: Renamed,
  all: readonly Matrix[],
  stack: Stack,
  said: SpecParts,
): { head: Matrix; projection: Matrix | null } {
  const own = (role: string) => all.find(({ module }) => module === `${role}.`) ?? missing(`${role}.weight`)
  const projection = said.projection !== undefined || named.has('projection') ? own('projection') : null
  if (named.has('head') || projection) return { head: own('head'), projection }
  const width = stack.hidden * (stack.bidirectional ? 2 : 1)
  const [head, ...others] = all.filter(({ columns }) => columns === width)
  if (!head) {
    const names = all.map(({ entry, rows, columns }) => `${entry.from} [${rows},${columns}]`)
    const held = names.length > 0 ? listed(names) : 'it holds no linear layer'
    throw new InputError(`${WHAT}: expected a linear head, a matrix [K,${width}] on the network's outputs, but ${held}`)
  }
  if (others.length > 0) throw several('head', [head, ...others])
  const next = all.find((matrix) => matrix !== head && matrix.columns === head.rows)
  if (next) {
    throw new InputError(
      `${WHAT}: expected one linear layer as head but ${next.entry.from} can follow ${head.entry.from}: if ` +
        `nothing is between them, say names: { '${head.module}': 'projection.', '${next.module}': 'head.' }; irnn ` +
        'has no activation there',
    )
  }
  return { head, projection: null }
}

/** A table under a name that does not tell, which would be left alone in silence. */
function refuseUnclear(all: readonly Matrix[], stack: Stack, head: Matrix): void {
  const table = all.find((matrix) => matrix !== head && !matrix.biased && matrix.columns === stack.input)
  if (!table) return
  throw new InputError(
    `${WHAT}: ${table.entry.from} [${table.rows},${table.columns}]: an embedding before the network, or not? Say ` +
      `names: { '${table.module}': 'embedding.' }, or spec: { input: ${stack.input} }`,
  )
}

interface Found {
  readonly stack: Stack
  readonly embedding: Matrix | null
  readonly head: Matrix
  readonly projection: Matrix | null
}

/** What shapes say, and over it what the caller says. */
function completed(said: SpecParts, found: Found): { parts: unknown; unsaid: Unsaid[] } {
  const { stack, embedding, head, projection } = found
  const { hidden, layers, bidirectional } = stack
  const asked = said.rnn?.cell
  if (typeof asked === 'string' && Object.hasOwn(cells, asked) && cells[asked].gates !== stack.gates) {
    const { from, shape } = stack.entries.get('weight_hh_l0')!
    throw new InputError(`spec: rnn.cell: expected the cell that ${from} [${shape}] is of but received ${asked}`)
  }
  const cell: Cell | undefined = asked ?? (stack.gates === 1 ? undefined : stack.gates === 3 ? 'gru' : 'lstm')
  const kind = said.head?.kind ?? (head.rows === 1 ? 'regression' : undefined)
  const steps = said.head?.steps ?? (said.head?.kind && said.head.size ? 'last' : undefined)
  const answers = { cell, kind, steps }
  const unsaid = (Object.keys(answers) as Unsaid[]).filter((name) => answers[name] === undefined)
  const parts = {
    ...said,
    input: said.input ?? (embedding ? { vocabulary: embedding.rows, embedding: embedding.columns } : stack.input),
    rnn: { hidden, layers, bidirectional, ...said.rnn, cell },
    head: { size: head.rows, ...said.head, kind, steps },
    ...(projection && { projection: said.projection ?? projection.rows }),
  }
  return { parts, unsaid }
}

/** Biases that a state dict lacks since its modules were made with bias=False: they are 0. */
function absentBiases(stack: Stack, head: Matrix, projection: Matrix | null): (name: string) => boolean {
  const lacks: Readonly<Record<string, boolean>> = {
    rnn: !stack.biases,
    head: !head.biased,
    projection: projection?.biased === false,
  }
  return (name) => /\.bias/.test(name) && lacks[name.split('.')[0]!] === true
}

/** @throws InputError unless every parameter is there, in its shape */
function originsOf(
  shapes: readonly ParameterShape[],
  { entries }: Renamed,
  modules: Readonly<Record<string, string | undefined>>,
  absent: (name: string) => boolean,
): Map<string, string> {
  const held = new Map(entries.map((entry) => [entry.name, entry]))
  const origins = new Map<string, string>()
  for (const { name, shape } of shapes) {
    const dot = name.indexOf('.') + 1
    const module = modules[name.slice(0, dot - 1)] ?? name.slice(0, dot)
    const place = module + name.slice(dot)
    const entry = held.get(place) ?? (name.endsWith('_l0') ? held.get(place.slice(0, -3)) : undefined)
    if (!entry) {
      if (absent(name)) continue
      throw new InputError(`${WHAT}: expected a tensor ${place} [${shape}], for ${name}, but there is none`)
    }
    if (entry.shape.length !== shape.length || entry.shape.some((size, i) => size !== shape[i])) {
      throw new InputError(
        `${WHAT}: ${entry.from}: expected shape [${shape}], for ${name}, but received [${entry.shape}]`,
      )
    }
    origins.set(name, entry.from)
  }
  return origins
}
