/** The bodies of requests: read up to a limit, and counted together, so that many slow ones are not much memory. */
import type { IncomingMessage } from 'node:http'
import type { Limits } from './limits.ts'
import type { Pool } from './pool.ts'
import { busy, Refusal } from './refusal.ts'

/** @throws Refusal unless the head of a request says that its body is plain JSON, and not too long */
export function refuseHead({ headers }: IncomingMessage, { maxBody }: Limits): void {
  const type = headers['content-type'] ?? ''
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type)) {
    throw new Refusal(415, `content-type: expected application/json but received ${said(type)}: send JSON in UTF-8`)
  }
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    const remedy = 'send the body as it is'
    throw new Refusal(415, `content-encoding: expected none but received ${said(encoding)}: ${remedy}`, {
      'accept-encoding': 'identity',
    })
  }
  if (Number(headers['content-length'] ?? 0) > maxBody) throw tooLong(maxBody)
}

function said(header: string): string {
  return header === '' ? 'nothing' : JSON.stringify(header.slice(0, 40))
}

function tooLong(maxBody: number): Refusal {
  return new Refusal(413, `body: expected at most ${maxBody} bytes but it is longer: send it in parts`)
}

/**
 * The bytes of a body, which are in the pool until the caller takes them out. What comes after a refusal is read and
 * thrown away, so that the sender sees the answer.
 * @throws Refusal if it is too long, the pool is full, or it does not end
 */
export function readBody(request: IncomingMessage, { maxBody }: Limits, pool: Pool): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const refuse = (refusal: Refusal) => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).resume()
      pool.add(-size)
      reject(refusal)
    }
    const onData = (chunk: Buffer) => {
      if (size + chunk.length > maxBody) refuse(tooLong(maxBody))
      else if (!pool.fits(chunk.length)) refuse(busy('expected fewer bytes of bodies at once: try again'))
      else {
        size += chunk.length
        pool.add(chunk.length)
        chunks.push(chunk)
      }
    }
    const onEnd = () => {
      request.off('close', onClose)
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
    }
    const onClose = () => refuse(new Refusal(499, 'body: it was cut off'))
    request.on('data', onData).on('end', onEnd).on('close', onClose)
    request.on('error', () => {}) // `close` follows
  })
}
