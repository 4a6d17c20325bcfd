/**
 * `npm run bench`: what the machine can do, every shape on every backend, instruction set and number of threads, then
 * the rivals that are there, and what all of it shows. A quarter of an hour with all rivals, `--quick` a minute or two.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { InputError } from '../src/error.ts'
import { type BackendOptions, createBackend } from '../src/index.ts'
import { verdicts } from './claims.ts'
import { installRivals } from './environments.ts'
import { bars } from './figure.ts'
import { trainingJob } from './job.ts'
import { loopOf, streamingOf } from './loop.ts'
import { commit, machine, today } from './machine.ts'
import { engines, forwardRow, type Measured, trainingRow, truth } from './ours.ts'
import { type Problem, randomProblem, SHAPES, TRAINED } from './problems.ts'
import { writeReadme } from './readme.ts'
import { claimLine, engineLine, rowLine, tableLines } from './report.ts'
import { ISAS, type Isa, type Results, type Row } from './results.ts'
import { FORWARD, RIVALS } from './rivalList.ts'
import { contest, type Task } from './rivals.ts'
import { paragraph, scalingFigure } from './scaling.ts'
import { measureScaling } from './sweep.ts'
import { type Trained, trainedProblem } from './trained.ts'

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url))
const QUICK = { rivals: ['PyTorch', 'JAX', 'oneDNN'], problems: ['S1 trained', 'S3', 'S5', 'S6'], seconds: 0.15 }

const HELP = `npm run bench -- [options]
  --quick            the best instruction sets alone, short, beside PyTorch, JAX and oneDNN on four shapes
  --only A,B         problems whose names begin so: ${SHAPES.map(({ name }) => name).join(', ')}
  --rivals A,B       only these (none: no rival): ${libraries().join(', ')}
  --isa ${ISAS.join('|')}         hold everyone to this instruction set: what a machine without AVX-512 would show
  --seconds N        for each row (default 0.6)
  --save             write bench/results/DATE.json and .svg (DATE-avx2 with --isa), and README's tables from them
  --scaling          instead: time and memory against T, H, B and threads; with --save also its paragraph in bench/README.md
  --readme           instead: write README's table and bench/README.md's paragraph again from the newest results
  --install-rivals   instead: make an environment in ~/.cache/irnn/rivals for each rival. PyTorch's has 5 GB; the
                     variable PIP_INDEX_URL can name an index with builds for CPUs alone
  --python FILE      for these environments (default: the newest python3 on the PATH)
`

const values = read({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rivals: { type: 'string' },
    seconds: { type: 'string' },
    save: { type: 'boolean', default: false },
    scaling: { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
    isa: { type: 'string' },
    'install-rivals': { type: 'boolean', default: false },
    python: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

/** Exits with 2 and one line on an option that there is not. */
function read<T extends NonNullable<ParseArgsConfig['options']>>(config: { options: T }) {
  try {
    return parseArgs(config).values
  } catch (error) {
    console.error((error as Error).message.split('\n')[0])
    process.exit(2)
  }
}

try {
  if (values.help) process.stdout.write(HELP)
  else if (values['install-rivals']) process.exitCode = installRivals(values.python, console.log) ? 0 : 1
  else if (values.readme) writeReadme()
  else if (values.scaling) scale()
  else await bench()
} catch (error) {
  if (!(error instanceof InputError)) throw error
  console.error(error.message)
  process.exitCode = 2
}

async function bench(): Promise<void> {
  const partial = values.quick || values.only !== undefined || values.rivals !== undefined
  if (values.save && partial)
    throw new InputError('--save: expected a whole run: leave out --quick, --only and --rivals')
  const isa = ISAS.find((one) => one === values.isa)
  if (values.isa !== isa) throw new InputError(`--isa: expected ${ISAS.join(', ')} but received ${values.isa}`)
  const seconds = Number(values.seconds ?? (values.quick ? QUICK.seconds : 0.6))
  const measured = await engines({ best: values.quick, isa })
  print(
    'nothing but multiply-adds; memory',
    measured.map(({ engine }) => engineLine(engine)),
  )
  const { tasks, trained } = await prepare(measured[0]!)
  const own = ourRows(measured, tasks, seconds)
  const around = trained
    ? await aroundKernels(measured, trained, seconds)
    : { loops: [], streaming: null, trained: null }
  const { rows, missing } = await rivalRows(tasks, seconds, isa)
  const results: Results = {
    date: today(),
    commit: commit(),
    machine: machine(),
    ...(isa && { isa }),
    engines: measured.map(({ engine }) => engine),
    ...around,
    rows: [...own, ...rows],
    missing,
  }
  print('the best of each', tableLines(results))
  const claims = verdicts(results)
  print('claims', claims.map(claimLine))
  if (!values.save) return
  keep(isa ? `${results.date}-${isa}` : results.date, { ...results, claims }, bars(results))
}

function scale(): void {
  const result = measureScaling()
  print('where it bends', [paragraph(result)])
  if (values.save) keep(`scaling-${result.date}`, result, scalingFigure(result))
}

/** The numbers and their figure under one name, and what the pages say of them. */
function keep(name: string, result: object, svg: string): void {
  const digits = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value)
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(`${RESULTS}${name}.json`, `${JSON.stringify(result, digits, 1)}\n`)
  writeFileSync(`${RESULTS}${name}.svg`, svg)
  writeReadme()
}

/** The problems that were asked for, with the answers all must agree on. */
async function prepare(first: Measured): Promise<{ tasks: Task[]; trained: Trained | null }> {
  const beginnings = values.only?.split(',') ?? ['']
  const shapes = SHAPES.filter(({ name }) => beginnings.some((start) => name.startsWith(start)))
  if (shapes.length === 0)
    throw new InputError(
      `--only: expected a beginning of ${SHAPES.map(({ name }) => name).join(', ')} but received ${values.only}`,
    )
  const trained = shapes.includes(TRAINED) ? await trainedProblem(await createBackend(kindOf(first))) : null
  if (trained)
    print(
      `${trained.iterations} iterations of training on MNIST: accuracy ${(100 * trained.accuracy).toFixed(1)} %`,
      [],
    )
  const problems: Problem[] = []
  for (const shape of shapes) problems.push(shape === TRAINED ? trained!.problem : await randomProblem(shape))
  return { tasks: problems.map((problem) => ({ problem, truth: truth(problem, first) })), trained }
}

/** The same kernels on every core. */
function kindOf({ engine: { backend: name, instructionSet } }: Measured): BackendOptions {
  return { name, instructionSet }
}

function libraries(): string[] {
  return [...new Set(RIVALS.map(({ library }) => library))]
}

function ourRows(measured: readonly Measured[], tasks: readonly Task[], seconds: number): Row[] {
  print('one training iteration: forward, loss, backward, clip, Adam', [])
  const rows: Row[] = []
  const add = (row: Row) => {
    rows.push(row)
    console.log(rowLine(row))
  }
  for (const task of tasks) for (const engine of measured) add(trainingRow(engine, { ...task, seconds }))
  // Of the forward pass only what is set beside onnxruntime's.
  const best = measured.filter(({ engine }) => engine.instructionSet === measured[0]!.engine.instructionSet)
  for (const task of tasks.filter(({ problem }) => FORWARD.includes(problem.name))) {
    for (const engine of best) add(forwardRow(engine, { ...task, seconds: seconds / 2 }))
  }
  return rows
}

async function aroundKernels(
  measured: readonly Measured[],
  { problem, task, model, accuracy, iterations }: Trained,
  seconds: number,
): Promise<Pick<Results, 'loops' | 'streaming' | 'trained'>> {
  const native = measured.filter(({ engine }) => engine.instructionSet === measured[0]!.engine.instructionSet)
  const loops = []
  for (const { backend } of native) loops.push(await loopOf(backend, model, task, Math.max(1, 3 * seconds)))
  const dense = await randomProblem(SHAPES.find(({ name }) => name === 'S1 dense')!)
  const streaming = streamingOf(native[0]!.backend, dense, Math.max(0.3, seconds / 2))
  return { loops, streaming, trained: { iterations, accuracy, live: liveShare(native[0]!, problem) } }
}

function liveShare({ backend }: Measured, problem: Problem): number {
  const job = trainingJob(problem, backend)
  job.run()
  const live = job.live()
  job.dispose()
  return live
}

async function rivalRows(
  tasks: readonly Task[],
  seconds: number,
  isa: Isa | undefined,
): Promise<Pick<Results, 'rows' | 'missing'>> {
  const asked = values.rivals?.split(',') ?? (values.quick ? QUICK.rivals : libraries())
  const mine = values.quick ? tasks.filter(({ problem }) => QUICK.problems.includes(problem.name)) : tasks
  const rows: Row[] = []
  const missing: { library: string; reason: string }[] = []
  for (const rival of RIVALS.filter(({ library }) => asked.includes(library))) {
    const say = (row: Row) => console.log(rowLine(row))
    const found = await contest(rival, mine, { seconds, cores: availableParallelism(), isa, say })
    rows.push(...found.rows)
    if (found.missing === undefined) continue
    missing.push({ library: rival.library, reason: found.missing })
    console.log(`${rival.library}: not here: ${found.missing}`)
  }
  return { rows, missing }
}

function print(title: string, lines: readonly string[]): void {
  console.log([`\n${title}`, ...lines].join('\n'))
}
