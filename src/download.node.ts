/** A file from the network: no more bytes than were to be expected, no waiting for ever, all of it or nothing. */

/** What a download may take. */
export interface DownloadLimits {
  readonly bytes: number
  /** How long the server may send nothing, from the request on. Default 30,000 ms. */
  readonly silence?: number | undefined
  /** Default 300,000 ms. */
  readonly whole?: number | undefined
}

/** @throws Error, whose message says why, when the server does not send it within the limits */
export async function download(
  address: string,
  { bytes: most, silence = 30_000, whole = 300_000 }: DownloadLimits,
): Promise<Uint8Array> {
  const controller = new AbortController()
  const end = (why: string) => controller.abort(new Error(why))
  const silenceTimer = setTimeout(end, silence, `the server sent nothing for ${silence / 1000} s`)
  const wholeTimer = setTimeout(end, whole, `it was not complete after ${whole / 1000} s`)
  const tooLarge = (size: number) => new Error(`expected ${most} bytes at most but the server sends ${size} or more`)
  try {
    const response = await fetch(address, { signal: controller.signal })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    const announced = Number(response.headers.get('content-length'))
    if (announced > most) throw tooLarge(announced)
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of response.body ?? []) {
      silenceTimer.refresh()
      size += part.length
      if (size > most) throw tooLarge(size)
      parts.push(part)
    }
    return Buffer.concat(parts)
  } catch (error) {
    throw new Error(reasonOf(error as Error), { cause: error })
  } finally {
    clearTimeout(silenceTimer)
    clearTimeout(wholeTimer)
    controller.abort() // closes the connection of an answer that was not read to its end
  }
}

/** fetch says only "fetch failed" or "terminated": the reason is inside. */
function reasonOf({ message, cause }: Error): string {
  const { message: inner, code } = (cause ?? {}) as Error & { code?: string }
  return inner || code || message
}
