/** A rival's answer is checked before its time counts. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { test } from 'node:test'
import { checkAnswer } from '../../bench/answers.ts'
import { environment } from '../../bench/environments.ts'
import { trainingJob } from '../../bench/job.ts'
import { held } from '../../bench/ours.ts'
import { randomProblem, SHAPES } from '../../bench/problems.ts'
import { RIVALS } from '../../bench/rivalList.ts'
import { environmentOf, readLines, withoutTuning } from '../../bench/rivals.ts'
import { createEngine } from '../../src/backend/choose.ts'
import type { InstructionSet } from '../../src/index.ts'

const truth = { loss: 2, gradNorm: 10 }

test('an answer is right within a thousandth, and refused beyond it or when it is no number', () => {
  assert.equal(checkAnswer({ loss: 2.0019, gradNorm: 9.991 }, truth), null)
  assert.match(checkAnswer({ loss: 2.003, gradNorm: 10 }, truth)!, /^wrong answer: loss 2.003, expected 2$/)
  assert.match(checkAnswer({ loss: 2, gradNorm: 10.02 }, truth)!, /gradient norm 10.02, expected 10/)
  assert.match(checkAnswer({ loss: Number.NaN, gradNorm: 10 }, truth)!, /loss NaN/)
  assert.match(checkAnswer({ loss: 2, gradNorm: Number.NaN }, truth)!, /gradient norm NaN/)
  assert.match(checkAnswer({ loss: 2, gradNorm: null }, truth)!, /no gradient/)
})

test('a forward pass has no gradient to check', () => {
  assert.equal(checkAnswer({ loss: 2, gradNorm: null }, { loss: 2, gradNorm: null }), null)
})

const small = { ...SHAPES.find(({ name }) => name === 'S2')!, T: 5, B: 2, H: 4 }
const problem = await randomProblem(small)
const tasks = [
  { problem, truth },
  { problem: { ...problem, name: 'other' }, truth },
]
const ms = { best: 1, median: 2, repeats: 3 }
const line = (fields: object) => JSON.stringify({ problem: 0, engine: 'loop', answer: truth, ms, ...fields })

test('a rival’s lines become rows with its version and its fastest way', () => {
  const [row] = readLines({ library: 'Rival' }, [JSON.stringify({ version: '1.2', note: 'AVX' }), line({})], tasks, 2)
  assert.deepEqual(row, { library: 'Rival', engine: '1.2, AVX: loop', threads: 2, problem: 'S2', pass: 'training', ms })
})

test('a wrong answer becomes a row that failed and has no time', () => {
  const [row] = readLines({ library: 'Rival' }, [line({ answer: { loss: 3, gradNorm: 10 } })], tasks, 1)
  assert.equal(row!.ms, undefined)
  assert.match(row!.failed!, /wrong answer: loss 3/)
})

test('a rival whose gradient is not checked says so, and its loss still is', () => {
  const about = JSON.stringify({ version: '1.2' })
  const alone = { loss: 2, gradNorm: null }
  const read = (answer: object) =>
    readLines({ library: 'Rival', lossOnly: true }, [about, line({ answer })], tasks, 1)[0]!
  assert.equal(read(alone).engine, '1.2, only its loss is checked: loop')
  assert.deepEqual(read(alone).ms, ms)
  assert.match(read({ ...alone, loss: 3 }).failed!, /wrong answer: loss 3/)
})

test('what a shell says of a library’s kernels does not reach a rival', () => {
  const shell = {
    PATH: '/bin',
    OPENBLAS_CORETYPE: 'Haswell',
    OPENBLAS_L2_SIZE: '512',
    MKL_DEBUG_CPU_TYPE: '5',
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    OMP_WAIT_POLICY: 'active',
    XLA_FLAGS: '--xla_cpu_max_isa=SSE4_2',
  }
  assert.deepEqual(withoutTuning(shell), { PATH: '/bin' })
})

test('--isa holds every library that chooses its kernels by the processor, and only then', () => {
  const shell = { PATH: '/bin', ATEN_CPU_CAPABILITY: 'default' }
  assert.deepEqual(environmentOf(shell, 2, undefined), {
    PATH: '/bin',
    OMP_NUM_THREADS: '2',
    OPENBLAS_NUM_THREADS: '2',
  })
  const held = environmentOf(shell, 1, 'avx2')
  for (const name of ['ATEN_CPU_CAPABILITY', 'MKL_ENABLE_INSTRUCTIONS', 'ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA']) {
    assert.equal(held[name]?.toLowerCase(), 'avx2', name)
  }
  assert.match(held.XLA_FLAGS!, /^--xla_cpu_max_isa=AVX2 /)
  const onnxruntime = RIVALS.find(({ library }) => library === 'onnxruntime')!
  assert.equal(onnxruntime.command('', 'avx2'), 'it has no switch for instruction sets')
})

test('--isa leaves our own wider kernels out, and says so where it cannot', () => {
  const set = (name: 'native' | 'wasm', instructionSet: InstructionSet) => ({ name, instructionSet })
  const all = [set('wasm', 'simd128'), set('native', 'avx512'), set('native', 'avx2'), set('native', 'baseline')]
  assert.deepEqual(held(all, undefined), all)
  assert.deepEqual(held(all, 'avx2'), [all[0], all[2], all[3]])
  assert.throws(
    () => held([all[0]!, all[3]!], 'avx2'),
    /^InputError: --isa: expected native kernels for avx2 but here are baseline/,
  )
})

test('an environment counts only once its versions are written down', () => {
  const cache = mkdtempSync(path.join(tmpdir(), 'irnn-rivals-'))
  const before = process.env.IRNN_CACHE
  process.env.IRNN_CACHE = cache
  try {
    mkdirSync(path.join(cache, 'rivals/jax/bin'), { recursive: true })
    assert.equal(environment('jax'), null)
    const jax = RIVALS.find(({ library }) => library === 'JAX')!
    assert.match(String(jax.command('', undefined)), /^not installed \(node dist\/bench\/main.js --install-rivals\)$/)
    writeFileSync(path.join(cache, 'rivals/jax/versions.json'), '[]')
    assert.equal(environment('jax'), path.join(cache, 'rivals/jax'))
  } finally {
    if (before === undefined) delete process.env.IRNN_CACHE
    else process.env.IRNN_CACHE = before
    rmSync(cache, { recursive: true })
  }
})

test('no answer is no time either', () => {
  const [row] = readLines({ library: 'Rival' }, [JSON.stringify({ problem: 0, ms })], tasks, 1)
  assert.match(row!.failed!, /no answer/)
})

test('a rival that ends early fails in the problems it did not come to', () => {
  const rows = readLines({ library: 'Rival' }, [line({}), JSON.stringify({ ended: 'stopped after 3 s' })], tasks, 1)
  assert.deepEqual(
    rows.map(({ problem, failed }) => [problem, failed]),
    [
      ['S2', undefined],
      ['other', 'stopped after 3 s'],
    ],
  )
})

test('weights called dense leave no unit at 0, so that dense is what is timed', async () => {
  const backend = await createEngine({ name: 'wasm', threads: 1 })
  for (const name of ['S1 dense', 'S2', 'S5']) {
    const job = trainingJob(await randomProblem({ ...SHAPES.find((s) => s.name === name)!, B: 3 }), backend)
    job.run()
    assert.equal(job.live(), 1, name)
    assert.ok(job.answer().gradNorm! > 0)
    job.dispose()
  }
})

test('our own answers agree between backends, and with the float64 reference', async () => {
  for (const shape of [small, { ...small, name: 'softmax', cell: 'softmax' as const, K: 11, H: 0 }]) {
    const problem = await randomProblem(shape)
    const [reference, other] = await Promise.all(
      (['reference', 'wasm'] as const).map(async (name) => {
        const job = trainingJob(problem, await createEngine({ name }))
        job.run()
        return job.answer()
      }),
    )
    assert.equal(checkAnswer(other!, reference!), null)
  }
})
