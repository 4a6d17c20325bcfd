/** The kernels of every cell. A new cell adds its line: `Kernels` and the reference backend take all that is here. */
export * from './gru.ts'
export * from './lstm.ts'
export * from './rnn.ts'
