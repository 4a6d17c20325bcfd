/** Loops of products are found in V8's listing by what they read, and count their instructions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loopsOf, perMultiplyAdd } from '../../bench/wasmLoops.ts'

/** V8's listing of a function whose code has these lines; `top` and `head` are jumped to. */
function listing(index: number, lines: readonly string[], compiler = 'TurboFan'): string {
  const places = lines.map((_, i) => `0x${(4096 + 16 * i).toString(16)}`)
  const at = (label: string) => places[lines.findIndex((line) => line.startsWith(`${label}:`))]!
  const code = lines.map((line, i) => {
    const text = line.replace(/^\w+: /, '').replace(/\b(top|head)\b/, at)
    return `${places[i]}    ${(16 * i).toString(16)}  c5f8        ${text}`
  })
  return `\n--- WebAssembly code ---\nname: wasm-function[${index}]\nindex: ${index}\ncompiler: ${compiler}\n${code.join('\n')}\n`
}

const reads = [...Array(4).fill('vbroadcastss xmm1,[rdi+rcx*1]'), ...Array(2).fill('vmovdqu xmm2,[rdi+rbx*1]')]
const fused = Array<string>(8).fill('vfmadd231ps xmm3,xmm2,xmm1')
const apart = Array<string[]>(8).fill(['vmulps xmm4,xmm2,xmm1', 'vaddps xmm3,xmm3,xmm4']).flat()
const inner = (work: readonly string[]) => ['top: addl rcx,0x4', ...reads, ...work, 'jnz top']

test('an innermost loop of a whole tile counts, fused or not; the loop around it does not', () => {
  const around = ['head: movl rax,rbx', ...inner(fused), 'addl rdx,0x1', 'jl head', 'ret']
  assert.deepEqual(loopsOf(listing(7, around)), [{ function: 7, instructions: 16, multiplyAdds: 8 }])
  assert.deepEqual(loopsOf(listing(8, inner(apart))), [{ function: 8, instructions: 24, multiplyAdds: 8 }])
})

test('other loops and other compilers do not count', () => {
  const narrow = ['top: addl rcx,0x4', ...reads, ...fused.slice(4), 'jnz top']
  const printed = listing(1, narrow) + listing(2, inner(fused), 'Liftoff') + listing(3, ['ret'])
  assert.deepEqual(loopsOf(printed), [])
  assert.deepEqual(loopsOf(''), [])
})

test('the least, the median and the most', () => {
  const loops = [20, 16, 40].map((instructions) => ({ function: 0, instructions, multiplyAdds: 8 }))
  assert.deepEqual(perMultiplyAdd(loops), [2, 2.5, 5])
})
