/** Files of a zip archive, as NPZ is one (PKWARE, APPNOTE.TXT): stored or deflated, no ZIP64, no encryption. */
import { inflateRawSync } from 'node:zlib'
import { InputError } from '../error.ts'
import { latin1 } from './latin1.ts'

const [END, ENTRY, FILE] = [0x06054b50, 0x02014b50, 0x04034b50]

/**
 * The files of an archive by their names, in its order.
 * @param what names the bytes in messages
 * @param most the unpacked bytes of all files together
 * @throws InputError for what is damaged or unpacks to more
 */
export function unzip(what: string, bytes: Uint8Array, most: number): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const refuse = (problem: string): never => {
    throw new InputError(`${what}: expected a zip archive but ${problem}: copy or download it again`)
  }
  let end = bytes.length - 22
  while (end >= 0 && end > bytes.length - 65_558 && view.getUint32(end, true) !== END) end--
  if (end < 0 || view.getUint32(end, true) !== END) refuse('its end is missing')
  const files = new Map<string, Uint8Array>()
  let [at, total] = [view.getUint32(end + 16, true), 0]
  for (let n = view.getUint16(end + 10, true); n > 0; n--) {
    if (at + 46 > end || view.getUint32(at, true) !== ENTRY) refuse('its directory is damaged')
    const [method, packed, size] = [
      view.getUint16(at + 10, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 24, true),
    ]
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [
      number,
      number,
      number,
    ]
    const path = latin1(bytes.subarray(at + 46, at + 46 + name))
    const local = view.getUint32(at + 42, true)
    if (local + 30 > end || view.getUint32(local, true) !== FILE) refuse(`${path} is not where its directory says`)
    if ((view.getUint16(local + 6, true) & 1) === 1) refuse(`${path} is encrypted`)
    total += size
    if (total > most) refuse(`it unpacks to more than ${Math.round(most / 2 ** 20)} MB`)
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    const data = bytes.subarray(start, start + packed)
    if (data.length < packed || (method === 0 && packed !== size)) refuse(`${path} is cut off`)
    files.set(path, method === 0 ? data : inflated(data, size, method, path, refuse))
    at += 46 + name + extra + comment
  }
  return files
}

function inflated(
  data: Uint8Array,
  size: number,
  method: number,
  path: string,
  refuse: (problem: string) => never,
): Uint8Array {
  if (method !== 8) refuse(`${path} is packed by method ${method}, not deflated`)
  try {
    const file = inflateRawSync(data, { maxOutputLength: Math.max(1, size) })
    return file.length === size ? file : refuse(`${path} is cut off`)
  } catch (error) {
    if (error instanceof InputError) throw error
    return refuse(`the data of ${path} are damaged`)
  }
}
