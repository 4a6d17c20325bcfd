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
