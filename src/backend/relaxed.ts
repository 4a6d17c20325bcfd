/**
 * What WebAssembly has here: SIMD, and relaxed SIMD, whose multiply-add must round once. Where it rounds twice (a
 * processor without FMA) it would be the plain module under another name, so that "relaxed-simd" says which bits come
 * out.
 */

/** (func (export "f") (param $a f32) (param $c f32) (result f32) → lane 0 of f32x4.relaxed_madd of a, a and c) */
// biome-ignore format: a section a line
const MODULE = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 7, 1, 0x60, 2, 0x7d, 0x7d, 1, 0x7d, // types
  3, 2, 1, 0, // functions
  7, 5, 1, 1, 0x66, 0, 0, // exports
  10, 22, 1, 20, 0, 0x20, 0, 0xfd, 0x13, 0x20, 0, 0xfd, 0x13, 0x20, 1, 0xfd, 0x13, 0xfd, 0x85, 2, 0xfd, 0x1f, 0, 0x0b, // code
)

/** (func (result v128) (v128.const …)), of SIMD that is not relaxed */
// biome-ignore format: a section a line
const SIMD = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 5, 1, 0x60, 0, 1, 0x7b, // types
  3, 2, 1, 0, // functions
  10, 8, 1, 6, 0, 0x41, 0, 0xfd, 0x11, 0x0b, // code: i32.const 0, i32x4.splat
)

/** Whether there is WebAssembly, and it has SIMD. */
export function hasSimd(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(SIMD)
}

export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(MODULE)
}

/**
 * (1 + 2^-12)² - (1 + 2^-11) is 2^-24, and 0 where the product is rounded before the sum. A runtime that compiles no
 * code of a program's own (an edge worker) cannot be asked: then the answer is no.
 */
export function fusesMultiplyAdd(): boolean {
  if (!hasRelaxedSimd()) return false
  let module: WebAssembly.Module
  try {
    module = new WebAssembly.Module(MODULE)
  } catch {
    return false
  }
  const { exports } = new WebAssembly.Instance(module)
  return (exports.f as (a: number, c: number) => number)(1 + 2 ** -12, -1 - 2 ** -11) === 2 ** -24
}
