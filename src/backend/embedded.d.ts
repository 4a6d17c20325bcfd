/** What scripts/build.mjs makes of the kernels: a module of WebAssembly, gzip, base64. */
declare module '*/build/irnn-simd128.js' {
  const text: string
  export default text
}
declare module '*/build/irnn-relaxed-simd.js' {
  const text: string
  export default text
}
