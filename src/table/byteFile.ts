/** Bytes that can be read again from the start: a file, or what stands for one. */
export interface ByteFile {
  /** What messages call it. */
  readonly name: string
  /** All bytes in order. A chunk is valid until the next one is asked for. */
  chunks(): AsyncIterable<Uint8Array>
  /** The share of them that was given so far, 0 … 1; undefined if nobody knows how many there are. */
  share(): number | undefined
}
