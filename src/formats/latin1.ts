/** Bytes as text, one character a byte: names, magic words, and what a person is shown of a file that is something else. */
export function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes)
}
