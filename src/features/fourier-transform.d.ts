/** npm's fourier-transform, which brings no types. */
declare module 'fourier-transform' {
  /**
   * The discrete Fourier transform of N real numbers, N a power of 2: bins 0 … N/2, unscaled, written to `output` if
   * given.
   */
  export function fft(
    input: Float64Array,
    output?: [re: Float64Array, im: Float64Array],
  ): [re: Float64Array, im: Float64Array]
}
