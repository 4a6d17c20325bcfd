/** What a person chooses in the playground: as data, in the address, and as the command that gives the same bits. */

export type PlayTask = 'adding' | 'mnist'
export type PlayCell = 'irnn' | 'relu' | 'tanh' | 'lstm' | 'gru'
export type PlayOptimizer = 'adam' | 'sgd' | 'muon'
export type PlayClip = 'norm' | 'value' | 'derivative' | 'none'

/** One network and its training. */
export interface NetSettings {
  readonly task: PlayTask
  /** Steps of the adding problem; digits have 784. */
  readonly T: number
  readonly cell: PlayCell
  readonly H: number
  readonly optimizer: PlayOptimizer
  readonly lr: number
  readonly clipKind: PlayClip
  readonly clip: number
  /** Of the adding problem: numbers as they are, as in the paper, or shifted and scaled. */
  readonly inputs: 'raw' | 'normalised'
  readonly seed: number
}

/** Two networks that differ by their cell; `right` null: one alone. */
export interface Settings extends Omit<NetSettings, 'cell'> {
  readonly left: PlayCell
  readonly right: PlayCell | null
}

export const CELLS: readonly PlayCell[] = ['irnn', 'relu', 'tanh', 'lstm', 'gru']
export const OPTIMIZERS: readonly PlayOptimizer[] = ['adam', 'sgd', 'muon']
export const CLIPS: readonly PlayClip[] = ['norm', 'value', 'derivative', 'none']
/** Sequences of a minibatch, and of the sets; a tab trains on fewer digits than a machine. */
export const BATCH = 16
export const TEST = 500
export const DIGITS: number = 2000
export const PIXELS = 784
/** Whose change goes on with the same weights; any other begins anew. */
export const LIVE: readonly (keyof Settings)[] = ['lr', 'clip', 'clipKind']

const ADDING: Settings = {
  task: 'adding',
  T: 100,
  left: 'irnn',
  right: 'tanh',
  H: 64,
  optimizer: 'adam',
  lr: 0.001,
  clipKind: 'norm',
  clip: 1,
  inputs: 'raw',
  seed: 6,
}

export const DEFAULTS: Readonly<Record<PlayTask, Settings>> = {
  adding: ADDING,
  mnist: { ...ADDING, task: 'mnist', T: PIXELS, optimizer: 'muon', lr: 3e-4 },
}

/** How a setting stands in the address. */
interface Field {
  /** Its name there. */
  readonly name: string
  /** What it may be, in words. */
  readonly expected: string
  /** Undefined for what it may not be. */
  read(text: string): unknown
}

function oneOf(name: string, values: readonly string[]): Field {
  return {
    name,
    expected: `one of ${values.join(', ')}`,
    read: (text) => values.find((value) => value === text),
  }
}

function number(name: string, least: number, most: number, whole: boolean): Field {
  return {
    name,
    expected: `${whole ? 'a whole number' : 'a number'} from ${least} to ${most}`,
    read: (text) => {
      const value = text.trim() === '' ? Number.NaN : Number(text)
      return value >= least && value <= most && (!whole || Number.isInteger(value)) ? value : undefined
    },
  }
}

/** Limits are of what a tab can do: more is the command's. */
export const FIELDS: Readonly<Record<keyof Settings, Field>> = {
  task: oneOf('task', ['adding', 'mnist']),
  T: number('T', 2, 1000, true),
  left: oneOf('left', CELLS),
  right: {
    ...oneOf('right', [...CELLS, 'none']),
    read: (text) => (text === 'none' ? null : CELLS.find((one) => one === text)),
  },
  H: number('H', 1, 256, true),
  optimizer: oneOf('optimizer', OPTIMIZERS),
  lr: number('lr', 1e-9, 10, false),
  clipKind: oneOf('clip-kind', CLIPS),
  clip: number('clip', 1e-6, 1e6, false),
  inputs: oneOf('inputs', ['raw', 'normalised']),
  seed: number('seed', 0, 2 ** 31 - 1, true),
}

/** What else an address may say: the digit that is read, and controls that are hidden. */
const OTHERS = ['digit', 'hide']

const NAMES = Object.keys(FIELDS) as (keyof Settings)[]

/** A text as a setting's value, or what is wrong with it. */
export function readSetting(key: keyof Settings, text: string): { value: unknown } | { problem: string } {
  const { name, expected, read } = FIELDS[key]
  const value = read(text)
  return value === undefined
    ? { problem: `${name}: expected ${expected} but received "${text.slice(0, 40)}"` }
    : { value }
}

/** The text of a setting in the address, and in its control. */
export function settingText(settings: Settings, key: keyof Settings): string {
  return String(settings[key] ?? 'none')
}

/** A task's defaults with what else stays as it is: the cells, the size, the seed. */
export function withTask(settings: Settings, task: PlayTask): Settings {
  const { left, right, H, seed } = settings
  return { ...DEFAULTS[task], left, right, H, seed }
}

/**
 * The settings of an address, `#task=adding&T=100&…`. What is missing has its default.
 * @returns also a line for each part that it cannot use, which then counts as missing
 */
export function fromHash(hash: string): { settings: Settings; problems: string[]; others: URLSearchParams } {
  const others = new URLSearchParams(hash.replace(/^#/, ''))
  const problems: string[] = []
  const given: Partial<Record<keyof Settings, unknown>> = {}
  for (const key of NAMES) {
    const { name } = FIELDS[key]
    const text = others.get(name)
    others.delete(name)
    if (text === null) continue
    const result = readSetting(key, text)
    if ('problem' in result) problems.push(`address: ${result.problem}`)
    else given[key] = result.value
  }
  for (const name of [...others.keys()].filter((name) => !OTHERS.includes(name))) {
    others.delete(name)
    problems.push(`address: "${name.slice(0, 40)}": there is no such setting`)
  }
  const task = (given.task as PlayTask | undefined) ?? 'adding'
  const settings = { ...DEFAULTS[task], ...given } as Settings
  return { settings: task === 'mnist' ? { ...settings, T: PIXELS, inputs: 'raw' } : settings, problems, others }
}

/** The address of settings: all of them, so that it means the same when defaults change. */
export function toHash(settings: Settings, others: Readonly<Record<string, string>> = {}): string {
  const words = new URLSearchParams()
  for (const key of NAMES) {
    if (settings.task === 'mnist' && (key === 'T' || key === 'inputs')) continue
    words.set(FIELDS[key].name, settingText(settings, key))
  }
  for (const [name, value] of Object.entries(others)) words.set(name, value)
  return `#${words}`
}

/** The settings of one of the two networks. */
export function netOf(settings: Settings, side: 'left' | 'right'): NetSettings | null {
  const { left, right, ...rest } = settings
  const cell = side === 'left' ? left : right
  return cell === null ? null : { ...rest, cell }
}

/** Whether going from one to the other begins training anew. */
export function resets(before: Settings, after: Settings): boolean {
  return NAMES.some((key) => !LIVE.includes(key) && before[key] !== after[key])
}

/** Flags of `irnn train` that say of a network what the settings do, by name. Recipes say the rest. */
export function flagsOf(net: NetSettings): Readonly<Record<string, string | number>> {
  const { task, T, cell, H, optimizer, lr, clipKind, clip, inputs, seed } = net
  return {
    ...(task === 'adding' ? { length: T, inputs } : { heldOut: 0, trainSize: DIGITS }),
    testSize: TEST,
    cell,
    hidden: H,
    batch: BATCH,
    optimizer,
    lr,
    schedule: 'constant',
    ...(task === 'adding' && { curriculum: 'none' }),
    clipKind,
    ...(clipKind !== 'none' && { clip }),
    seed,
  }
}

/** The command whose model.safetensors, after so many iterations, has the bytes of the tab's. */
export function commandOf(net: NetSettings, iterations: number): string {
  const flags = { ...flagsOf(net), iterations, evalEvery: iterations, backend: 'wasm' }
  const words = Object.entries(flags).map(([name, value]) => `--${kebab(name)} ${value}`)
  return `npx irnn train ${net.task} ${words.join(' ')}`
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
