/**
 * What the paper (Le, Jaitly & Hinton 2015) found best for its networks: Tables 1 and 2. Recipes and experiments read
 * it.
 */

export interface Tuned {
  readonly lr: number
  /** Limit of the clip; the paper does not say of what. */
  readonly clip: number
  /** lstm. */
  readonly forgetBias?: number
}

/** Lengths of the adding problem. */
export const LENGTHS = [150, 200, 300, 400] as const
export type Length = (typeof LENGTHS)[number]

/**
 * Table 1, the adding problem. RNN + tanh is listed for 150 steps only ("none worked" beyond), RNN + ReLU not at all.
 */
export const TABLE_1: Readonly<Record<Length, { readonly irnn: Tuned; readonly lstm: Tuned; readonly tanh?: Tuned }>> =
  {
    150: {
      irnn: { lr: 0.01, clip: 100 },
      lstm: { lr: 0.01, clip: 10, forgetBias: 1 },
      tanh: { lr: 0.01, clip: 100 },
    },
    200: { irnn: { lr: 0.01, clip: 1 }, lstm: { lr: 0.001, clip: 100, forgetBias: 4 } },
    300: { irnn: { lr: 0.01, clip: 10 }, lstm: { lr: 0.01, clip: 1, forgetBias: 4 } },
    400: { irnn: { lr: 0.01, clip: 1 }, lstm: { lr: 0.01, clip: 100, forgetBias: 10 } },
  }

export const NETWORKS = ['irnn', 'lstm', 'tanh', 'relu'] as const
export type Network = (typeof NETWORKS)[number]

/** Table 2, MNIST pixel by pixel, by the order of the pixels. */
export const TABLE_2: Readonly<Record<'scanline' | 'permuted', Readonly<Record<Network, Tuned>>>> = {
  scanline: {
    irnn: { lr: 1e-8, clip: 1 },
    lstm: { lr: 0.01, clip: 1, forgetBias: 1 },
    tanh: { lr: 1e-8, clip: 10 },
    relu: { lr: 1e-8, clip: 10 },
  },
  permuted: {
    irnn: { lr: 1e-9, clip: 1 },
    lstm: { lr: 0.01, clip: 1, forgetBias: 1 },
    tanh: { lr: 1e-8, clip: 1 },
    relu: { lr: 1e-6, clip: 10 },
  },
}
