// Runs that are killed, stopped, locked and damaged, as people meet them: child processes and their files.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { iterationOf } from '../../src/runs/checkpoint.ts'
import { decodeEvent, type TrainEvent } from '../../src/train/events.ts'
import { but, RUN, SHORT } from '../support/adding.ts'
import { home, run, start } from '../support/command.ts'
import * as recorded from '../support/recorded.ts'

const at = (...names: string[]) => path.join(home, ...names)
const read = (...names: string[]) => fs.readFileSync(at(...names))
const last = (text: string) => text.trimEnd().split('\n').at(-1)!

const records = (dir: string) => recorded.records(at(dir))
const board = (dir: string) => recorded.board(at(dir))

assert.equal((await run(...RUN, '--out', 'whole')).code, 0)

test('stopped by SIGINT, SIGTERM and SIGHUP: saved, and it goes on; finished is finished', async () => {
  let args = [...RUN, '--out', 'stopped', '--json']
  for (const [signal, wanted] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const { child, result } = start(...args)
    child.stdout!.once('data', () => setTimeout(() => child.kill(signal), 50))
    const { code, out } = await result
    assert.equal(code, wanted)
    const events = out.trimEnd().split('\n').map(decodeEvent)
    const done = events.at(-1)!
    assert.ok(done.type === 'done' && done.stopped)
    assert.equal(events.findLast((event) => event.type === 'checkpoint')!.iteration, done.iteration)
    assert.equal(iterationOf(read('stopped', 'checkpoint-last.safetensors')), done.iteration)
    args = ['train', '--resume', 'stopped', '--json', '--threads', '2']
  }
  const { code, out } = await run(...args)
  assert.equal(code, 0)
  assert.deepEqual(records('stopped'), records('whole'))
  assert.deepEqual(read('stopped', 'model.safetensors'), read('whole', 'model.safetensors'))
  assert.deepEqual(board('stopped'), board('whole'))
  const steps = (records('whole') as TrainEvent[]).filter(({ type }) => type === 'step')
  assert.equal(board('whole').filter((line) => / train\/loss /.test(line)).length, steps.length)
  assert.match(board('whole').at(-1)!, /^4000 test\/mse /)
  const before = read('stopped', 'metrics.jsonl')
  const again = await run(...args)
  assert.deepEqual([again.code, again.out, again.err], [0, `${last(out)}\n`, ''])
  assert.match((await run('train', '--resume', 'stopped')).out, /^finished: test MSE .*; stopped\n$/)
  assert.deepEqual(read('stopped', 'metrics.jsonl'), before)
})

test('more iterations than were planned, where the rate allows', async () => {
  await run(...SHORT, '--schedule', 'constant', '--out', 'longer')
  assert.equal((await run('train', '--resume', 'longer', '--iterations', '100')).code, 0)
  await run(...but(SHORT, '--iterations', '100'), '--schedule', 'constant', '--out', 'long')
  assert.deepEqual(read('longer', 'model.safetensors'), read('long', 'model.safetensors'))
  assert.deepEqual(records('longer'), records('long'))
  assert.equal(JSON.parse(String(read('longer', 'config.json'))).training.iterations, 100)
})

test('a run that goes on after its end has the model of its last checkpoint, and says so; damaged, it is refused', async () => {
  await run(...SHORT, '--schedule', 'constant', '--out', 'gone')
  const before = decodeEvent((await run('eval', 'gone', '--json')).out)
  const { child, result } = start('train', '--resume', 'gone', '--iterations', '1000000', '--json')
  await new Promise<void>((resolve) => {
    let seen = ''
    child.stdout!.on('data', (data) => {
      seen += data
      if (seen.split('"checkpoint"').length > 2) resolve()
    })
  })
  child.kill('SIGKILL')
  await result
  const file = at('gone', 'checkpoint-last.safetensors')
  const iteration = iterationOf(fs.readFileSync(file))!
  assert.ok(iteration > 60)
  const { code, out, err } = await run('eval', 'gone', '--json')
  assert.equal(code, 0, err)
  const scored = decodeEvent(out)
  assert.ok(scored.type === 'eval' && before.type === 'eval')
  assert.deepEqual([before.iteration, scored.iteration], [60, iteration])
  assert.notDeepEqual(scored.test, before.test)
  const info = await run('info', 'gone')
  assert.match(
    info.out,
    new RegExp(`weights +\\d+, of iteration ${iteration.toLocaleString('en-US')}, in checkpoint-last`),
  )
  assert.match(err, /gone: it has no model\.safetensors: scoring checkpoint-last\.safetensors, of iteration /)
  for (const [name, flags] of [
    ['checkpoint-last', []],
    ['checkpoint-best', ['--best']],
  ] as const) {
    const bytes = fs.readFileSync(at('gone', `${name}.safetensors`))
    bytes[bytes.length - 100]! ^= 1
    fs.writeFileSync(at('gone', `${name}.safetensors`), bytes)
    const damaged = await run('eval', 'gone', ...flags)
    assert.equal(damaged.code, 2, damaged.err)
    assert.match(
      damaged.err,
      new RegExp(`${name}.safetensors: damaged: its checksum does not fit: it was cut off or changed\n$`),
    )
  }
})

test('a wasm run goes on with the instruction set it began with, on any number of threads', async () => {
  assert.equal((await run(...but(SHORT, '--threads', '2'), '--backend', 'wasm', '--out', 'wasm')).code, 0)
  const config = JSON.parse(String(read('wasm', 'config.json')))
  // Without a checkpoint a run starts again from its seed, with what its config says.
  const again = async (instructionSet: string, ...flags: string[]) => {
    fs.rmSync(at('again'), { recursive: true, force: true })
    fs.mkdirSync(at('again'))
    const changed = { ...config, backend: { ...config.backend, instructionSet } }
    fs.writeFileSync(at('again', 'config.json'), JSON.stringify(changed))
    return run('train', '--resume', 'again', ...flags)
  }
  const { instructionSet } = config.backend
  assert.equal((await again(instructionSet, '--threads', '1')).code, 0)
  assert.deepEqual(read('again', 'model.safetensors'), read('wasm', 'model.safetensors'))
  assert.equal((await again('simd128')).code, 0)
  const same = read('again', 'model.safetensors').equals(read('wasm', 'model.safetensors'))
  assert.equal(same, instructionSet === 'simd128')
  const { code, err } = await again('avx2')
  assert.equal(code, 2)
  assert.match(
    err,
    /instruction set: expected one of (relaxed-simd, )?simd128, which run here and are built, but received "avx2": /,
  )
})

test('what cannot go on is refused in one line, and nothing is touched', async () => {
  await run(...SHORT, '--out', 'short')
  await run(...SHORT, '--schedule', 'constant', '--out', 'flat')
  const cases: [string, RegExp][] = [
    ['train --resume nowhere', /nowhere: expected the folder of a run but it has no config.json/],
    [
      'train --resume short --backend reference',
      /--backend: expected (native|wasm), .* but received reference: another one gives other bits/,
    ],
    [
      'train --resume short --iterations 90',
      /--iterations: expected the 60 of the run but received 90: its cosine rate/,
    ],
    ['train --resume short --hidden 9', /train --resume: expected at most --iterations, .* but received "--hidden"/],
    ['train --resume short adding', /but received "adding": config.json says the rest/],
    ['train --iterations 5 adding', /expected options after the task, adding, but received --iterations before it/],
    ['train --resume', /train: --resume: expected <dir> after it but received nothing/],
    ['train adding --checkpoint-every 0', /expected a whole number >= 1/],
    ['train adding --on-collapse pray', /--on-collapse: expected one of continue, stop but/],
  ]
  const before = records('short')
  const results = await Promise.all(cases.map(([line]) => run(...line.split(' '))))
  for (const [i, { code, out, err }] of results.entries()) {
    const [line, pattern] = cases[i]!
    assert.equal(code, 2, `${line}: ${err}`)
    assert.match(err, pattern)
    assert.deepEqual([err.trimEnd().split('\n').length, out], [1, ''], err)
  }
  assert.deepEqual(records('short'), before)
  const fewer = await run('train', '--resume', 'flat', '--iterations', '50')
  assert.match(fewer.out, /^finished: /, 'there are more than that already')
})

test('two writers: the second is refused while the first runs', async () => {
  const { child, result } = start(...but(RUN, '--iterations', '1000000'), '--out', 'locked', '--json')
  await new Promise((resolve) => child.stdout!.once('data', resolve))
  for (const args of [
    ['train', '--resume', 'locked'],
    [...SHORT, '--out', 'locked', '--overwrite'],
  ]) {
    const { code, err } = await run(...args)
    assert.equal(code, 2, err)
    assert.match(err, /locked: another process writes this run: wait for process \d+ on /)
  }
  child.kill('SIGKILL')
  await result
  const { child: next, result: second } = start('train', '--resume', 'locked', '--json')
  next.stdout!.once('data', () => next.kill('SIGINT'))
  const { code, err } = await second
  assert.equal(code, 130, err)
  assert.match(err, /taking over the lock of process \d+, which is gone/)
})

test('a damaged last checkpoint: the one before it is named and used, to the same bits', async () => {
  const { child, result } = start(...RUN, '--out', 'damaged', '--json')
  await new Promise<void>((resolve) => {
    let seen = ''
    child.stdout!.on('data', (data) => {
      seen += data
      if (seen.split('"checkpoint"').length > 5) resolve()
    })
  })
  child.kill('SIGKILL')
  await result
  const file = at('damaged', 'checkpoint-last.safetensors')
  const bytes = fs.readFileSync(file)
  bytes[bytes.length - 100]! ^= 1
  fs.writeFileSync(file, bytes)
  const { code, err } = await run('train', '--resume', 'damaged')
  assert.equal(code, 0, err)
  assert.match(
    err,
    /checkpoint-last.safetensors: damaged: its checksum does not fit.*going on from checkpoint-previous/,
  )
  assert.deepEqual(read('damaged', 'model.safetensors'), read('whole', 'model.safetensors'))
  assert.deepEqual(records('damaged'), records('whole'))
})

test('a collapse keeps the best checkpoint and says so; a run that diverges names it', async () => {
  const wild = '--optimizer sgd --lr 1 --clip-kind none --schedule constant --std 0.3'.split(' ')
  const { code, err } = await run(...but(RUN, '--eval-every', '1'), ...wild, '--out', 'wild')
  assert.equal(code, 1)
  assert.match(err, /collapse at iteration .*: .*; .*checkpoint-best.safetensors has iteration \d+, the best so far/)
  assert.match(last(err), /^irnn: training diverged at iteration/)
  const best = iterationOf(read('wild', 'checkpoint-best.safetensors'))
  const { code: scored, out } = await run('eval', 'wild', '--best', '--json')
  assert.equal(scored, 0)
  const evaluated = decodeEvent(out)
  const recorded = (records('wild') as TrainEvent[]).find((e) => e.type === 'eval' && e.iteration === best)
  assert.ok(evaluated.type === 'eval' && recorded?.type === 'eval')
  assert.equal(evaluated.iteration, best)
  assert.deepEqual(evaluated.test, recorded.test)
})
