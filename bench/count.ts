/**
 * `node dist/bench/count.js [--only A,B] [--save]`: instructions a multiply-add of each kernel, counted by callgrind
 * (counts.ts). Two minutes of a core; where there is no valgrind, one line. --save writes results/counts-DATE.json.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeAtomic } from '../src/disk.node.ts'
import { COUNTED, type Count, type Counts, countLine, countsOf } from './counts.ts'
import { commit, today } from './machine.ts'
import type { Shape } from './problems.ts'

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url))
const POINT = fileURLToPath(new URL('counts-point.js', import.meta.url))

const { values } = parseArgs({ options: { only: { type: 'string' }, save: { type: 'boolean', default: false } } })
const shapes = COUNTED.filter(({ name }) => (values.only ?? name).split(',').includes(name))
const valgrind = spawnSync('valgrind', ['--version'], { encoding: 'utf8' }).stdout?.trim()

if (shapes.length === 0 || (values.save && values.only !== undefined)) {
  const names = COUNTED.map(({ name }) => name).join(', ')
  console.error(`--only: expected some of ${names}, and no --save, but received ${values.only}`)
  process.exitCode = 2
} else if (!valgrind) {
  console.log('nothing counted: no valgrind here (Debian: valgrind)')
} else {
  count(valgrind)
}

function count(valgrind: string): void {
  const rows: Count[] = []
  for (const shape of shapes) {
    for (const row of counted(shape)) {
      rows.push(row)
      console.log(countLine(row))
    }
  }
  if (!values.save) return
  const [{ model } = { model: 'unknown' }] = cpus()
  const compiler = execFileSync(process.env.CXX ?? 'g++', ['-dumpfullversion'], { encoding: 'utf8' }).trim()
  const result: Counts = { date: today(), commit: commit(), cpu: model.trim(), compiler, valgrind, rows }
  writeAtomic(`${RESULTS}counts-${result.date}.json`, `${JSON.stringify(result, null, 1)}\n`)
}

function counted(shape: Shape): Count[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'irnn-counts-'))
  try {
    const file = path.join(folder, 'callgrind')
    const args = ['--tool=callgrind', `--callgrind-out-file=${file}`, process.execPath, POINT, shape.name]
    const { status, stderr } = spawnSync('valgrind', args, { encoding: 'utf8' })
    const errors = stderr.split('\n').filter((line) => line.trim() && !line.startsWith('==')) // not valgrind's own
    if (status !== 0) throw new Error(`${shape.name}: callgrind failed: ${errors.join('; ') || stderr}`)
    return countsOf(shape, readFileSync(file, 'utf8'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
