// safetensors files made by hand, good and bad.

/** A file with this header, as text, and this much data. */
export function file(header: string, dataBytes = 0, declared?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, declared ?? BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

/** What a header says of one tensor. */
export function entry(
  begin: number,
  end: number,
  shape: number[] = [(end - begin) / 4],
  dtype: string = 'F32',
): string {
  return JSON.stringify({ dtype, shape, data_offsets: [begin, end] })
}
