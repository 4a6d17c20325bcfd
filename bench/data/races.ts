/**
 * Races for a whole piece of work, by CPU time (user and system) of whole processes, imports included, ours and the
 * rival's in turn; how good the answers are is part of the race.
 *
 *   node dist/bench/data/races.js [--races births,names,brown] [--seeds 1,2,3] [--save]
 *
 * `births`: `irnn fit births`, its search for a recipe and the other methods included, against one training of
 * neuralforecast's GRU; one thread on both sides. `names` and `brown`: one training of the same network on the same
 * encoded sequences against PyTorch. Rivals need the first python3 on the path that has neuralforecast and torch (a
 * virtual environment: `pip install neuralforecast`); `names` npm's two packages of first names, as labels.ts says.
 * --save writes bench/results/data-races.json; seeds that are there already and not raced again stay.
 */
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { birthsTable } from '../../src/data/births.node.ts'
import { writeAtomic } from '../../src/disk.node.ts'
import { commit, machine, today } from '../machine.ts'
import { withoutTuning } from '../rivals.ts'
import { writeProblem } from './labelRace.ts'
import { brownTable, firstNames } from './labelSets.ts'
import { type RaceResult, raceVerdicts, type Side } from './verdicts.ts'

/** Both sides of a race. */
interface Race {
  /** The modules that the rival needs. */
  readonly modules: string
  /** Makes its files. */
  readonly prepare: (folder: string) => Promise<void>
  readonly ours: (folder: string, seed: number) => string[]
  /** Arguments of python3. */
  readonly rival: (folder: string, seed: number) => string[]
}

const HORIZON = 14
const TEST = 364

const built = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const rival = (name: string) => fileURLToPath(new URL(`../../../bench/data/rivals/${name}`, import.meta.url))

function labels(rows: () => ReturnType<typeof brownTable>, choices: Parameters<typeof writeProblem>[2]): Race {
  return {
    modules: 'torch, numpy',
    prepare: (folder) => writeProblem(folder, rows(), choices),
    ours: (folder, seed) => [process.execPath, built('labelRace.js'), folder, String(seed)],
    rival: (folder, seed) => [rival('labels_pytorch.py'), folder, String(seed)],
  }
}

const RACES: Readonly<Record<string, Race>> = {
  births: {
    modules: 'torch, neuralforecast',
    async prepare(folder) {
      const [date, births] = (await birthsTable()).columns
      const times = (date as unknown as { values: Float64Array }).values
      const counts = (births as unknown as { values: Float64Array }).values
      const lines = Array.from(times, (time, i) => `${new Date(time).toISOString().slice(0, 10)},${counts[i]}\n`)
      fs.writeFileSync(path.join(folder, 'births.csv'), `date,births\n${lines.join('')}`)
    },
    ours: (folder, seed) => [
      process.execPath,
      ...[built('../../cli/main.js'), 'fit', 'births', '--json', '--seed', String(seed)],
      ...['--threads', '1', '--out', path.join(folder, `run-${seed}`)],
    ],
    rival: (folder, seed) => [
      ...[rival('births_neuralforecast.py'), String(seed)],
      ...[path.join(folder, 'births.csv'), String(HORIZON), String(TEST)],
    ],
  },
  names: labels(firstNames, { label: 'gender', members: 1 }),
  brown: labels(brownTable, { label: 'tag', id: 'sentence', split: 'split', members: 1 }),
}

/** What a side printed last, and its CPU seconds: bash says them of the whole process and of all that it started. */
function run(command: readonly string[]): Omit<Side, 'seed'> {
  const { stdout, stderr, status } = spawnSync('bash', ['-c', 'TIMEFORMAT="cpu %3U %3S"; time "$0" "$@"', ...command], {
    encoding: 'utf8',
    env: { ...withoutTuning(process.env), OMP_NUM_THREADS: '1' },
    maxBuffer: 2 ** 28,
  })
  const times = /^cpu ([\d.]+) ([\d.]+)$/m.exec(stderr)
  if (status !== 0 || !times) {
    const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('cpu '))
    throw new Error(`${command.slice(0, 3).join(' ')}: ${lines.at(-1) ?? 'it ended without a word'}`)
  }
  const answer = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
  return { ...(answer.type === 'result' ? ofFit(answer) : answer), cpu: Number(times[1]) + Number(times[2]) }
}

/** The network's score, and as a check of the split that of the value a week before, which the rival computes too. */
function ofFit({
  methods,
}: {
  methods: { name: string; mase: number; coverage: number }[]
}): Omit<Side, 'cpu' | 'seed'> {
  const network = methods.find(({ name }) => name === 'network')!
  const week = methods.find(({ name }) => name.startsWith('value a season before'))!
  return { versions: { node: process.version }, score: network.mase, coverage: network.coverage, check: week.mase }
}

/** The path of the first python3: a shell that is started later may find another. */
function pythonWith(modules: string): string {
  const program = `import sys, ${modules}; print(sys.executable)`
  const { status, stdout } = spawnSync('python3', ['-c', program], { encoding: 'utf8' })
  if (status === 0) return stdout.trim().split('\n').at(-1)!
  throw new Error(`the first python3 on the path has no ${modules}: pip install neuralforecast`)
}

function joinedBySeed(before: readonly Side[], now: readonly Side[]): Side[] {
  const others = before.filter(({ seed }) => !now.some((one) => one.seed === seed))
  return [...others, ...now].sort((a, b) => a.seed - b.seed)
}

async function raced(name: string, seeds: readonly number[]): Promise<RaceResult> {
  const race = RACES[name]
  if (!race) throw new Error(`--races: expected some of ${Object.keys(RACES).join(', ')} but received ${name}`)
  const python = pythonWith(race.modules)
  const commands = { ours: race.ours, rival: (folder: string, seed: number) => [python, ...race.rival(folder, seed)] }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-race-'))
  try {
    await race.prepare(folder)
    const result: RaceResult = { race: name, ours: [], rival: [] }
    for (const seed of seeds) {
      for (const side of ['ours', 'rival'] as const) {
        const one = { seed, ...run(commands[side](folder, seed)) }
        result[side].push(one)
        console.log(name, side, JSON.stringify(one))
      }
    }
    return result
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

const { values } = parseArgs({
  options: {
    races: { type: 'string', default: Object.keys(RACES).join(',') },
    seeds: { type: 'string', default: '1,2,3' },
    save: { type: 'boolean' },
  },
})
const file = fileURLToPath(new URL('../../../bench/results/data-races.json', import.meta.url))
for (const name of values.races.split(',')) {
  const result = await raced(name, values.seeds.split(',').map(Number))
  for (const { text, held } of raceVerdicts(result)) console.log(`${held ? 'held  ' : 'FAILED'} ${text}`)
  if (!values.save) continue
  const stored = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {}
  const before = (stored[name] ?? { ours: [], rival: [] }) as RaceResult
  const joined = {
    race: name,
    ours: joinedBySeed(before.ours, result.ours),
    rival: joinedBySeed(before.rival, result.rival),
  }
  stored[name] = { date: today(), commit: commit(), machine: machine(), load: os.loadavg().map(Math.round), ...joined }
  writeAtomic(file, `${JSON.stringify(stored, undefined, 2)}\n`)
}
