/**
 * `node dist/bench/soak.js --backend native --minutes 120 [--save]`: trains, evaluates, streams, saves, loads, makes
 * and disposes of everything (soakWork.ts) until the time is over, and looks at the process every minute: memory,
 * address space, files, handles, threads. In the end it says whether each is flat (soakReport.ts). `--save` writes
 * results/soak-BACKEND-DATE.json and .svg at every sample, so that a soak that is ended early leaves what it saw.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { writeAtomic } from '../src/disk.node.ts'
import { type BackendName, type BackendOptions, createBackend } from '../src/index.ts'
import { commit, machine, today } from './machine.ts'
import { claimLine } from './report.ts'
import { type Sample, type Soak, soakFigure, verdicts } from './soakReport.ts'
import { ROUNDS, round } from './soakWork.ts'

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url))
const MIB = 2 ** 20

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What the process has, once all garbage is gone. @throws Error where there is no /proc */
async function sampled(start: number, rounds: number): Promise<Sample> {
  // What is collected may end workers and free other things: they get their turn, and then it is collected again.
  for (let i = 0; i < 3; i++) {
    collect()
    for (let n = 0; n < 20; n++) await turn()
  }
  const status = readFileSync('/proc/self/status', 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)![1])
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  const rounded = (value: number) => Number(value.toFixed(3))
  return {
    minutes: Number(((performance.now() - start) / 60_000).toFixed(2)),
    rounds,
    resident: rounded(field('VmRSS') / 1024),
    heap: rounded(heapUsed / MIB),
    external: rounded(external / MIB),
    buffers: rounded(arrayBuffers / MIB),
    addressSpace: rounded(field('VmSize') / MIB),
    files: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
    threads: field('Threads'),
  }
}

function line({ minutes, rounds, resident, heap, external, addressSpace, files, handles, threads }: Sample): string {
  const memory = `${resident.toFixed(1)} MiB resident, heap ${heap.toFixed(1)}, outside ${external.toFixed(1)}`
  const held = `${files} files, ${handles} handles, ${threads} threads`
  return `${minutes} min, ${rounds} rounds: ${memory}, ${addressSpace.toFixed(1)} GiB of addresses, ${held}`
}

async function soak(options: BackendOptions, planned: number, took: (soak: Soak) => void): Promise<Soak> {
  const backend = await createBackend(options)
  const dir = mkdtempSync(join(tmpdir(), 'irnn-soak-'))
  const about = { date: today(), commit: commit(), machine: machine(), backend: backend.description, planned }
  const first: string[] = []
  const samples: Sample[] = []
  let changed = 0
  let result: Soak = { ...about, changed, samples }
  const start = performance.now()
  const end = start + 60_000 * planned
  const between = Math.min(60_000, (60_000 * planned) / 10)
  let due = start
  try {
    for (let n = 0; ; n++) {
      if (performance.now() >= due) {
        samples.push(await sampled(start, n))
        due += between
        result = { ...about, changed, samples: [...samples] }
        took(result)
      }
      if (performance.now() >= end) return result
      const numbers = await round(n, { backend, options, dir })
      first[n % ROUNDS] ??= numbers
      if (first[n % ROUNDS] !== numbers) changed += 1
    }
  } finally {
    backend.dispose()
    rmSync(dir, { recursive: true })
  }
}

/** A sample a line. */
function fileOf({ samples, ...rest }: Soak): string {
  const text = JSON.stringify(
    { ...rest, minutes: samples.at(-1)!.minutes, claims: verdicts({ samples, ...rest }) },
    null,
    1,
  )
  const lines = samples.map((sample) => `  ${JSON.stringify(sample)}`).join(',\n')
  return `${text.slice(0, -2)},\n "samples": [\n${lines}\n ]\n}\n`
}

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: 'native' },
    threads: { type: 'string', default: '2' },
    minutes: { type: 'string', default: '120' },
    save: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes: expected a number above 0 but received ${values.minutes}`)
const options = { name: values.backend as BackendName, threads: Number(values.threads) }
const result = await soak(options, minutes, (soaked) => {
  console.log(line(soaked.samples.at(-1)!))
  if (!values.save) return
  const name = `${RESULTS}soak-${values.backend}-${soaked.date}`
  writeAtomic(`${name}.json`, fileOf(soaked))
  writeAtomic(`${name}.svg`, soakFigure(soaked))
})
const claims = verdicts(result)
console.log(claims.map(claimLine).join('\n'))
if (claims.some(({ holds }) => holds === false)) process.exitCode = 1
