/**
 * Ten classes of small grey pictures, as the pixel tasks use them: MNIST, Fashion-MNIST and whatever has their form. They
 * stay bytes: 60,000 of 28×28 are 47 MB, and would be 188 as floats.
 */
import type { LabelledImages } from '../../formats/idx.ts'

export interface Digits {
  /** 'mnist', or the start of a SHA-256 of all the bytes: what a stored run knows its data by. */
  readonly id: string
  readonly train: LabelledImages
  readonly test: LabelledImages
}
