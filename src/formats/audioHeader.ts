/** What the header of a sound file says, SPHERE or RIFF: what stands before the samples. */
export interface AudioHeader {
  /** Samples a second, of each channel. */
  readonly rate: number
  readonly channels: number
  /** Bytes before the samples. */
  readonly start: number
  /** Whether the high byte of a sample comes first. */
  readonly bigEndian: boolean
  /** Of each channel; null: as many as follow. */
  readonly samples: number | null
}

/**
 * Reads a header as its bytes come: yields how many bytes it wants next and is given exactly these; or yields, as a
 * number below zero, how many bytes it passes over, and is given none. So a header is read from any stream without
 * being held as a whole.
 */
export type HeaderSteps = Generator<number, AudioHeader, Uint8Array>
