/** Made by scripts/build-web.mjs. */
declare module 'virtual:paper-curves' {
  /** Iterations and values by turns, under "figure,cell". */
  const curves: Readonly<Record<string, readonly number[]>>
  export default curves
}
