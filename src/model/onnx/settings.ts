/** What a model's ONNX file shall have. */

/** What is made of the logits, as one more output. */
export type OnnxAnswer =
  /**
   * `probabilities`: the softmax. The logits are those of so many members, [members,K]: it is the mean of their
   * softmaxes. `mean`: of a model with a head on every step, logits are averaged over the steps of a sequence first.
   */
  | { readonly kind: 'probabilities'; readonly members: number; readonly mean: boolean }
  /** `quantiles`: three sorted values a step, the first and the last moved apart by `widening`. */
  | { readonly kind: 'quantiles'; readonly widening: number }

export interface OnnxSettings {
  /** x [B,T,I], tokens [B,T], logits [B,T,K], in place of [T,B,I], [T,B], [T,B,K]. States are the same for both. */
  readonly batchFirst: boolean
  /** Whether `lengths` goes in. */
  readonly lengths: boolean
  /** Whether `h0` and `c0` go in, and `hn` and `cn` come out. */
  readonly state: boolean
  readonly answer: OnnxAnswer | null
}
