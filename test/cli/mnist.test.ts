// irnn train mnist as people meet it: real digits, a few of them; eval and info; bad input.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadMnist } from '../../src/tasks/mnist/load.node.ts'
import { decodeEvent } from '../../src/train/events.ts'
import { home, run as runArgs } from '../support/command.ts'
import { idx, writeMnist } from '../support/mnist.ts'

const TINY = '--train-size 64 --test-size 20 --hidden 8 --batch 8 --iterations 4 --eval-every 2'

const run = (line: string) => runArgs(...line.split(' '))
const config = (dir: string) => JSON.parse(fs.readFileSync(path.join(home, dir, 'config.json'), 'utf8'))

test('train, eval and info on the real digits', async () => {
  const { code, out, err } = await run(`train mnist ${TINY}`)
  assert.equal(code, 0, err)
  assert.match(out, /^test accuracy [\d.]+ %, held-out [\d.]+ % \(chance: 10\.00 %\) after 4 iterations in .* s; /)
  assert.match(
    out,
    / s; (best by held-out at 2: test accuracy [\d.]+ %, held-out [\d.]+ %; )?runs\/mnist-irnn-seed1\n$/,
  )
  assert.match(err, /^mnist, T = 784: irnn, 8 units/)
  const { task, model, recipe } = config('runs/mnist-irnn-seed1')
  assert.equal(recipe, 'fast')
  assert.deepEqual(task.options, {
    digits: 'mnist',
    order: 'scanline',
    scale: 'unit',
    seed: 1,
    trainSize: 64,
    testSize: 20,
    heldOut: 5, // a twelfth of so few
  })
  assert.equal(model.head.size, 10)
  assert.equal(model.rnn.init.recurrent.scale, 0.999)
  assert.equal(model.rnn.init.input.std, 1)
  assert.equal(model.head.init.std, 0.06)
  const scored = await run('eval runs/mnist-irnn-seed1 --json')
  assert.equal(scored.code, 0, scored.err)
  assert.deepEqual(config('runs/mnist-irnn-seed1').training.average, 0)
  const event = decodeEvent(scored.out)
  const metrics = fs.readFileSync(path.join(home, 'runs/mnist-irnn-seed1/metrics.jsonl'), 'utf8').trim().split('\n')
  const done = decodeEvent(metrics.at(-1)!)
  assert.ok(event.type === 'eval' && done.type === 'done')
  assert.deepEqual(event.test, done.test)
  const info = await run('info runs/mnist-irnn-seed1')
  assert.match(info.out, /mnist: digits mnist, order scanline/)
  assert.match(info.out, /score +test accuracy [\d.]+ %/)
})

test('every cell trains by both recipes; flags go before them', async () => {
  const { train, test } = await loadMnist()
  fs.mkdirSync(path.join(home, 'small'))
  const write = (name: string, bytes: Uint8Array) => fs.writeFileSync(path.join(home, 'small', name), bytes)
  write('train-images-idx3-ubyte', idx([64, 28, 28], train.images.subarray(0, 64 * 784)))
  write('train-labels-idx1-ubyte', idx([64], train.labels.subarray(0, 64)))
  write('t10k-images-idx3-ubyte', idx([20, 28, 28], test.images.subarray(0, 20 * 784)))
  write('t10k-labels-idx1-ubyte', idx([20], test.labels.subarray(0, 20)))
  // 100 units: the random matrix of a relu with 8 overflows within 784 steps.
  const tiny = '--data small --hidden 100 --batch 8 --iterations 4 --eval-every 2'
  const runs = ['irnn', 'relu', 'tanh', 'lstm', 'gru'].flatMap((cell) =>
    ['fast', 'paper'].map((recipe) => `train mnist ${tiny} --json --cell ${cell} --recipe ${recipe}`),
  )
  runs.push(`train mnist ${tiny} --json --recipe paper --permuted`)
  const all = await Promise.all(runs.map((line, i) => run(`${line} --out cell${i}`)))
  for (const [i, { code, err }] of all.entries()) assert.equal(code, 0, `${runs[i]}: ${err}`)
  assert.deepEqual(config('cell1').training.optimizer, { kind: 'sgd', lr: 1e-8, momentum: 0 })
  assert.deepEqual(config('cell10').training.optimizer, { kind: 'sgd', lr: 1e-9, momentum: 0 })
  assert.equal(config('cell10').task.options.permutation, 92916)
  assert.equal(config('cell1').task.options.scale, 'raw')
  assert.equal(config('cell7').model.rnn.forgetBias, 1)

  const flags = '--recipe paper --pixels unit --permuted --permutation-seed 7 --std 0.3 --output-std 0.2 --scale 0.9'
  const all001 = (await run(`train mnist ${tiny} --cell lstm --recurrent gaussian:0.001 --std 0.001 --out small001`))
    .code
  assert.equal(all001, 0)
  const std001 = { kind: 'gaussian', std: 0.001 }
  assert.deepEqual(config('small001').model.rnn.init, { recurrent: std001, input: std001 })
  assert.deepEqual(config('cell7').model.rnn.init, { recurrent: std001, input: std001 })
  assert.deepEqual(config('cell6').model.rnn.init.recurrent, { kind: 'orthogonal', gain: 1 })
  const { code, err } = await run(`train mnist ${tiny} ${flags}`)
  assert.equal(code, 0, err)
  const { task, model } = config('runs/permuted-mnist-irnn-seed1')
  assert.deepEqual([task.options.scale, task.options.permutation], ['unit', 7])
  assert.deepEqual([model.rnn.init.input.std, model.head.init.std, model.rnn.init.recurrent.scale], [0.3, 0.2, 0.9])
})

test('other digits through --data; a run knows its own', async () => {
  const options = { train: 40, test: 20, rows: 4, columns: 5 }
  writeMnist(path.join(home, 'fashion'), { ...options, gzip: true })
  const tiny = '--hidden 8 --batch 8 --iterations 4'
  const trained = await run(`train mnist ${tiny} --data fashion --out clothes`)
  assert.equal(trained.code, 0, trained.err)
  assert.match(trained.err, /T = 20/)
  assert.equal((await run('eval clothes --data fashion')).code, 0)
  assert.equal((await run('info clothes')).code, 0)
  const other = await run('eval clothes')
  assert.equal(other.code, 2)
  assert.match(
    other.err,
    /expected the digits "\w{16}" that the run was made with but received "mnist": give --data DIR/,
  )
})

test('the help names the recipes and the data', async () => {
  const { out, code } = await run('train mnist --help')
  assert.equal(code, 0)
  assert.match(
    out,
    /fast: 100 units, input and output std 1 and 0.06, scale 0.999, unit pixels, 5000 held-out, muon at 0.0003/,
  )
  assert.match(out, /best: 256 units, input and output std 1 and 0.06, scale 0.999, unit pixels/)
  assert.match(out, /paper: 100 units, weights of std 0.01, scale 1, raw pixels, sgd at 1e-8/)
  assert.match(out, /--data <dir>/)
})

test('bad input: exit code 2, one clear line, nothing written', async () => {
  const broken = (name: string, file: string, bytes: Uint8Array | string) => {
    fs.writeFileSync(path.join(writeMnist(path.join(home, name)), file), bytes)
  }
  broken('html', 'train-images-idx3-ubyte', '<html><body>moved</body></html>')
  broken('short', 't10k-images-idx3-ubyte', idx([20, 28, 28], new Uint8Array(99)))
  broken('counts', 'train-labels-idx1-ubyte', idx([49], new Uint8Array(49)))
  broken('one-hot', 'train-labels-idx1-ubyte', idx([50, 10], new Uint8Array(500)))
  fs.mkdirSync(path.join(home, 'empty'))
  const cases: [string, RegExp][] = [
    ['--data empty', /^irnn: empty: expected the four IDX files .* it has no train-images-idx3-ubyte, train-labels/],
    ['--data nowhere', /nowhere: .* there is no such folder/],
    ['--data html', /train-images-idx3-ubyte: .* HTML page/],
    ['--data short', /t10k-images-idx3-ubyte: .* cut off: 20×28×28 elements are 15680 bytes and it holds 99/],
    ['--data counts', /train-labels-idx1-ubyte: expected 50 labels/],
    ['--data one-hot', /train-labels-idx1-ubyte: expected one label for each image but its shape is 50×10/],
    ['--pixels dark', /--pixels: expected one of raw, unit but received "dark"/],
    ['--permutation-seed 3', /--permutation-seed: .*add --permuted/],
    ['--permuted --permutation-seed x', /expected a whole number >= 0/],
    ['--train-size 60001', /^irnn: --train-size: expected at most the 55000 of 60000 images that are not held out/m],
    ['--held-out 60000', /^irnn: --held-out: expected fewer than the 60000 training images/m],
    ['--shift -1', /expected a whole number >= 0/],
    ['--average 1', /expected a number >= 0 and < 1/],
    ['--recurrent gaussian', /expected gaussian:<std>, identity:<scale>/],
    ['--recurrent gaussian:0.1 --scale 1', /--scale: expected --scale or --recurrent but received both/],
    ['--test-size 0', /expected a whole number >= 1/],
    ['--batch 40 --train-size 30', /batch: expected at most 30/],
    ['--input-std -1', /expected a number >= 0/],
    ['--recipe slow', /--recipe: expected one of fast, best, paper but/],
    ['--length 100', /"--length": no such option/],
  ]
  const held = fs.readdirSync(home).toSorted()
  const results = await Promise.all(cases.map(([flags]) => run(`train mnist ${flags} --out never`)))
  for (const [i, { code, out, err }] of results.entries()) {
    const [flags, pattern] = cases[i]!
    assert.equal(code, 2, `${flags}: ${err}`)
    assert.match(err, pattern, flags)
    assert.equal(err.trim().split('\n').length, 1, err)
    assert.equal(out, '')
  }
  assert.deepEqual(fs.readdirSync(home).toSorted(), held)
})

test('sets like MNIST have the classes of their labels, and their chance; runs of ten classes are stored as before', async () => {
  const cases = fileURLToPath(new URL('../../../test/fixtures/cases', import.meta.url))
  const wanted = { 'idx-letters': [27, '3.70'], 'idx-five': [5, '20.00'], 'idx-emnistnames': [10, '10.00'] } as const
  for (const [name, [classes, chance]] of Object.entries(wanted)) {
    const data = path.join(cases, name)
    const out = path.join(home, name)
    const flags = `train mnist --data ${data} --hidden 8 --iterations 5 --batch 4 --threads 1 --out ${out}`
    const { code, out: said, err } = await runArgs(...flags.split(' '))
    assert.equal(code, 0, err)
    assert.match(said, new RegExp(`chance: ${chance} %`))
    const { model, task } = JSON.parse(fs.readFileSync(path.join(out, 'config.json'), 'utf8'))
    assert.deepEqual([model.head.size, task.options.classes], [classes, classes === 10 ? undefined : classes])
    const again = await runArgs('eval', out, '--data', data)
    assert.equal(again.code, 0, again.err)
  }
})
