/**
 * Bytes as text, one character a byte: names, magic words, and what a person is shown of a file that is something else.
 * Bytes of 128 to 159 are letters of Windows-1252, as the standard for TextDecoder has it, not control characters.
 */
export function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes)
}
