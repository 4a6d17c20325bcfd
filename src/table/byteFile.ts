/** Bytes that can be read again from the start: a file, or what stands for one. */
export interface ByteFile {
  /** What messages call it. */
  readonly name: string
  /** All bytes in order. A chunk is valid until the next one is asked for. */
  chunks(): AsyncIterable<Uint8Array>
  /** The share of them that was given so far, 0 … 1; undefined if nobody knows how many there are. */
  share(): number | undefined
}

/** What messages call several files of one table. */
export function nameOf(files: readonly { readonly name: string }[]): string {
  return files.length === 1 ? files[0]!.name : `${files[0]!.name} and ${files.length - 1} more`
}

/** The share of all of several files, as if they had one size. */
export function shareOf(files: readonly ByteFile[]): number | undefined {
  let sum = 0
  for (const file of files) {
    const share = file.share()
    if (share === undefined) return
    sum += share
  }
  return sum / files.length
}
