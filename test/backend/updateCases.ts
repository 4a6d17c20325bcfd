/** Rows of the kernel table for updates of some rows of a matrix. */
import { type Case, input, integers, updated } from './arguments.ts'
import { random } from './random.ts'
import { WIDTHS } from './recurrentCases.ts'

export function* rowUpdateTable(): Generator<Case> {
  let seed = 1
  for (const E of WIDTHS)
    for (const n of [0, 1, 5, 33, 70])
      for (const gradient of [true, false]) {
        const r = random(seed++)
        const V = 2 * n + 1
        // No one twice: V is odd.
        const ids = Int32Array.from({ length: n }, (_, i) => (2 * i + n) % V)
        const rows = integers('rows', ids)
        const name = `n=${n} E=${E}${gradient ? '' : ' no gradient'}`
        const matrix = (label: string, values = r.uniform(V * E)) => updated(label, values)
        const g = gradient ? input('g', r.uniform(n * E)) : null
        const squares = () => r.uniform(V * E).map(Math.abs)
        for (const momentum of [0, 0.9]) {
          const args = [n, E, rows, 0.1, momentum, matrix('w'), g, momentum ? matrix('v') : null]
          yield { kernel: 'sgd_update_rows', name: `${name} momentum=${momentum}`, args }
        }
        const rmsprop = [n, E, rows, 0.01, 0.99, 1e-8, matrix('w'), g, matrix('s', squares())]
        yield { kernel: 'rmsprop_update_rows', name, args: rmsprop }
        const [decay, k] = [seed % 2 ? 0 : 0.25, 7]
        const adam = [n, E, rows, 0.001, 0.9, 0.999, 1e-8, decay, 1 - 0.9 ** k, 1 - 0.999 ** k]
        const state = [matrix('w'), g, matrix('m'), matrix('v', squares())]
        yield { kernel: 'adam_update_rows', name: `${name} decay=${decay}`, args: [...adam, ...state] }
      }
}
