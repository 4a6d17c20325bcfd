// What scripts/build.mjs makes WebAssembly with: flags, the compiler, and what is done to a module that is linked.
// The texts of `finished` and `embedded` are part of the hash by which it tells whether a module is up to date.

/** Instruction sets and their flags: build/irnn-<set>.wasm, and .js, which has the same bytes for bundlers. */
export const WASM_TARGETS = { simd128: ['-msimd128'], 'relaxed-simd': ['-msimd128', '-mrelaxed-simd'] }

/** Flags beside those of every compiler. */
export const WASM_FLAGS = [
  // A page loads this: 205 kB in place of 257, at the same speed. Loops that pay are marked (IRNN_VECTORIZE).
  '-O2',
  '-fno-vectorize',
  '-mllvm',
  '-unroll-runtime=false',
  '--target=wasm32',
  '-nostdlib',
  '-nostdinc++',
  '-ffreestanding',
  '-matomics',
  '-mbulk-memory',
  '-mmutable-globals',
]

export const WASM_LINK = [
  '--target=wasm32',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--import-memory',
  '-Wl,--shared-memory', // an instance that is a thread must not lay out the memory again
  `-Wl,--max-memory=${2 ** 32 - 65536}`, // a shared memory has a maximum: here the largest that wasm32 can have
  '-Wl,--export=__heap_base',
  '-Wl,--export=__stack_pointer',
  '-Wl,--strip-all',
  '-Wl,--stack-first',
  '-Wl,-z,stack-size=65536',
]

/** Clang as WebAssembly (npm @yowasp/clang), so that no machine needs a compiler for this part: { made: bytes }. */
export async function clang(args, tree, made) {
  const { runClang } = await import('@yowasp/clang')
  await runClang(null, {}, { fetchProgress() {} }) // its 105 MB, once, from the disk: without a word of progress
  let output = ''
  const print = (bytes) => {
    if (bytes) output += new TextDecoder().decode(bytes)
  }
  try {
    const result = await runClang(['clang++', ...args, '-o', made], tree, { stdout: print, stderr: print })
    return { [made]: result[made] }
  } catch (error) {
    throw new Error(`WebAssembly: ${error.message}\n${output}`)
  }
}

/**
 * A module as src/backend/wasmFile.ts expects it: with a memory that is not shared, which it makes shared for threads,
 * and with the name of its instruction set in a custom section.
 */
export function finished(linked, target) {
  const module = Buffer.from(linked)
  const memory = Buffer.from('\x03env\x06memory\x02\x03', 'latin1') // kind: memory; limits: a maximum, shared
  const at = module.indexOf(memory)
  if (at < 0) throw new Error(`${target}: expected a module that imports a shared memory`)
  module[at + memory.length - 1] = 1
  const content = Buffer.from(`\x04irnn${target}`)
  return Buffer.concat([module, Buffer.of(0, content.length), content])
}

/**
 * A module's bytes as a module of JavaScript: every bundler and server takes it along as it is. Zopfli's gzip is five
 * percent smaller than zlib's.
 */
export async function embedded(module) {
  const { gzipAsync } = await import('@gfx/zopfli')
  const text = Buffer.from(await gzipAsync(module, { numiterations: 3 })).toString('base64')
  return `// The kernels as WebAssembly: gzip, base64. Made by scripts/build.mjs.\nexport default '${text}'\n`
}
