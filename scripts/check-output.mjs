// Every command, with a standard output that cannot be written: once on a full disk, once into a pipe that nobody
// reads. Each has to end with code 1, with one line about the disk and none about the pipe, and to leave what it made
// whole: no lock, no half of a folder. Needs a build, and /dev/full. A minute.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-output-'))
process.on('exit', () => fs.rmSync(home, { recursive: true, force: true }))

const SHORT = '--iterations 3 --batch 2 --hidden 4'
const ADDING = `train adding --length 5 --train-size 20 --test-size 10 ${SHORT}`
const FIT = 'fit sales.csv --target sales --horizon 3 --window 8 --iterations 3 --trials 1'

/** What the commands below read. */
const MADE = [
  `${ADDING} --out adding`,
  `${ADDING} --pause-at 1 --out begun`,
  `train words --data text.txt --length 4 ${SHORT} --out words`,
  `data speech --out speech --speakers 6 --sentences 4`,
  `train phones --data speech ${SHORT} --layers 1 --out phones`,
  `${FIT} --out sales`,
  'sweep grid.yaml --dir swept',
]

/** A line for each command that prints, and for each way in which it does; `OUT` is a folder that is not there yet. */
const COMMANDS = [
  '--help',
  'help train',
  'info adding',
  'info adding --json',
  'eval adding',
  'eval adding --json',
  'watch adding --once',
  'watch adding',
  'report adding sales --out OUT.html --overwrite',
  'report adding --out OUT.html --overwrite --json',
  `${ADDING} --out OUT`,
  `${ADDING} --out OUT --json`,
  'train --resume adding',
  'train --resume adding --json',
  'train --resume begun',
  `${FIT} --dry-run`,
  `${FIT} --dry-run --json`,
  `${FIT} --out OUT`,
  `${FIT} --out OUT --json`,
  'predict sales sales.csv',
  'backtest sales sales.csv',
  'backtest sales sales.csv --json',
  'export adding --onnx OUT.onnx --overwrite --json',
  'import adding/model.safetensors --out OUT',
  'import adding/model.safetensors --out OUT --json',
  'serve adding --port 0',
  'dashboard . --port 0 --no-open',
  'play --port 0 --no-open',
  'play --port 0 --no-open --json',
  'eval sales',
  'eval sales sales.csv --json',
  'sweep grid.yaml --dir OUT',
  'sweep status swept',
  'sweep results swept --json',
  'mpi build',
  'mpi doctor',
  'mpi test',
  'phones a.wav --run phones',
  'sample words --words 5',
  'sample words --words 5 --json',
  'baseline words --data text.txt',
  'baseline words --data text.txt --json',
  'data speech --out OUT --speakers 3 --sentences 1',
  'data speech --out OUT --speakers 3 --sentences 1 --json',
  'reproduce adding --runs OUT --out OUT --only irnn-150-seed1 --budget 2',
  'reproduce adding --collect --runs none --out OUT --json',
  'reproduce all --collect --runs none --out OUT',
]

/** Which print to standard error alone. */
const SILENT = ['worker']

const lines = ['day,sales']
for (let i = 0; i < 150; i++) {
  const day = new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)
  lines.push(`${day},${100 + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11)}`)
}
fs.writeFileSync(path.join(home, 'sales.csv'), `${lines.join('\n')}\n`)
const sentences = Array.from({ length: 300 }, (_, i) => `the ${['dog', 'cat', 'bird'][i % 3]} sees ${i % 7} trees`)
fs.writeFileSync(path.join(home, 'text.txt'), `${sentences.join('\n')}\n`)
fs.mkdirSync(path.join(home, 'none'))
const GRID = `task: adding
options: { length: 5, train-size: 20, test-size: 10, iterations: 3, batch: 2, hidden: 4 }
space: { lr: [0.01, 0.02] }
seeds: [1]
`
fs.writeFileSync(path.join(home, 'grid.yaml'), GRID)

const wordsOf = (line) => line.split(' ').map((word) => word.replace(/^OUT/, 'out'))

/** Runs a command. @param stdout a file descriptor; null: a pipe whose reader goes away at once */
function run(line, stdout) {
  const child = spawn(process.execPath, [MAIN, ...wordsOf(line)], {
    cwd: home,
    stdio: ['ignore', stdout ?? 'pipe', 'pipe'],
  })
  child.stdout?.destroy()
  let err = ''
  child.stderr.on('data', (data) => {
    err += data
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, err })))
}

/** Locks and halves of folders that were left. */
function leftovers() {
  const names = fs.readdirSync(home, { recursive: true }).map(String)
  return names.filter((name) => /run\.lock$|\.making|\.tmp/.test(name))
}

let failures = 0
function fail(line, what) {
  failures++
  console.error(`${line}: ${what}`)
}

const listed = (await said('--help')).matchAll(/^ {2}([a-z]+) /gm)
for (const [, name] of listed) {
  if (!SILENT.includes(name) && !COMMANDS.some((line) => line.split(' ')[0] === name))
    fail(name, 'this command has no line in COMMANDS: add one')
}

/** What a command prints. */
function said(line) {
  const child = spawn(process.execPath, [MAIN, ...wordsOf(line)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  return new Promise((resolve) => child.on('close', () => resolve(out)))
}

const nowhere = fs.openSync('/dev/null', 'w')
for (const line of MADE) {
  const { code, err } = await run(line, nowhere)
  if (code !== 0) fail(line, `expected 0 but it ended with ${code}: ${err}`)
}
const spoken = fs.readdirSync(path.join(home, 'speech'), { recursive: true }).find((name) => name.endsWith('.WAV'))
fs.copyFileSync(path.join(home, 'speech', spoken), path.join(home, 'a.wav'))
const full = fs.openSync('/dev/full', 'w')
for (const line of failures > 0 ? [] : COMMANDS) {
  for (const [what, stdout, expected] of [
    ['a full disk', full, 1],
    ['a closed pipe', null, 0],
  ]) {
    const { code, err } = await run(line, stdout)
    const told = err.split('\n').filter((text) => text.startsWith('irnn: standard output: cannot be written')).length
    if (code !== 1) fail(line, `${what}: expected code 1 but received ${code}: ${err}`)
    if (told !== expected) fail(line, `${what}: expected ${expected} lines about it but received ${told}: ${err}`)
    if (err.includes('    at ')) fail(line, `${what}: a stack trace: ${err}`)
    for (const name of leftovers()) fail(line, `${what}: it left ${name}`)
    fs.rmSync(path.join(home, 'out'), { recursive: true, force: true })
  }
}
const ended = `${COMMANDS.length} lines of commands, each twice: all end with code 1`
console.log(failures > 0 ? `${failures} failures` : ended)
process.exitCode = failures > 0 ? 1 : 0
