/** A standard output that cannot be written, and options that are given twice: no command passes over either. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { IrnnCommand } from '../../cli/command.ts'
import { FIT_FLAGS } from '../../cli/fit.ts'
import { RESUME_FLAGS, trainFlags, withFlags } from '../../cli/options.ts'
import { BACKTEST_FLAGS, PREDICT_FLAGS } from '../../cli/predict.ts'
import { type Flag, isSwitch, longOf } from '../../src/flag.ts'
import { TASKS } from '../../src/tasks/tasks.node.ts'
import { home, MAIN } from '../support/command.ts'
import { refused } from '../support/refused.ts'

const TINY = 'train adding --length 5 --train-size 20 --test-size 10 --iterations 3 --batch 2 --hidden 4'

/** One command of each kind: it stops well, it ends at once, it begins others, it serves. scripts/check-output.mjs has all. */
const COMMANDS: readonly [line: string, leaves: string | null][] = [
  [`${TINY} --out trained`, 'trained/model.safetensors'],
  ['fit sales.csv --target sales --horizon 3 --window 8 --iterations 3 --trials 1 --json --out fitted', null],
  ['help train', null],
  ['reproduce adding --collect --runs none --out drawn --json', 'drawn/adding.json'],
  ['serve trained --port 0', null],
]

const rows = Array.from({ length: 120 }, (_, i) => `${new Date(864e5 * i).toISOString().slice(0, 10)},${i % 7}.5`)
fs.writeFileSync(path.join(home, 'sales.csv'), `day,sales\n${rows.join('\n')}\n`)
fs.mkdirSync(path.join(home, 'none'))

for (const [at, [line, leaves]] of COMMANDS.entries()) {
  test(`exit code 1 where nobody could read the answer: irnn ${line}`, { timeout: 120_000 }, async (context) => {
    const full = at % 2 === 0
    if (full && !fs.existsSync('/dev/full')) return context.skip('there is no /dev/full')
    const stdout = full ? fs.openSync('/dev/full', 'w') : 'pipe'
    const child = spawn(process.execPath, [MAIN, ...line.split(' ')], { cwd: home, stdio: ['ignore', stdout, 'pipe'] })
    context.after(() => child.kill('SIGKILL'))
    child.stdout?.destroy()
    let err = ''
    child.stderr!.on('data', (data) => {
      err += data
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    assert.equal(code, 1, err)
    const said = err.match(/^irnn: standard output: cannot be written: .*$/gm) ?? []
    assert.equal(said.length, full ? 1 : 0, err)
    assert.doesNotMatch(err, / {4}at /)
    if (leaves !== null) assert.ok(fs.existsSync(path.join(home, leaves)), leaves)
    assert.ok(!fs.existsSync(path.join(home, 'fitted')), 'a fit that nobody hears of is not written')
  })
}

/** A word that the flag takes. */
function wordFor({ value }: Flag, name: string): string {
  const words = [...(value?.choices ?? []), '4', '0.5', 'a', 'a=number', 'identity']
  const fits = (word: string) => {
    try {
      value?.read(word, name)
      return true
    } catch {
      return false
    }
  }
  return words.find(fits)!
}

test('an option that is given twice is refused, whichever it is', () => {
  const commands: readonly [string, readonly Flag[]][] = [
    ...TASKS.map((task): [string, readonly Flag[]] => [task.name, trainFlags(task)]),
    ['train', RESUME_FLAGS],
    ['fit', FIT_FLAGS],
    ['predict', PREDICT_FLAGS],
    ['backtest', BACKTEST_FLAGS],
  ]
  let count = 0
  for (const [name, flags] of commands) {
    const optional = flags.map((flag) => ({ ...flag, required: false }))
    for (const flag of optional) {
      const long = longOf(flag)
      const words = isSwitch(flag) ? [long] : [long, wordFor(flag, long)]
      const parse = (given: string[]) => {
        const program = new IrnnCommand('irnn').exitOverride()
        withFlags(program.command(name), optional).action(() => {})
        program.parse(given, { from: 'user' })
      }
      parse([name, ...words])
      refused(
        () => parse([name, ...words, ...words]),
        new RegExp(`^${name}: ${long}: expected it once but received it twice: remove one$`),
      )
      count++
    }
  }
  assert.ok(count > 100, String(count))
})
