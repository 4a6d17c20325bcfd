/** A page: the signal of an AbortController, and a file that was chosen. */
import { type Model, train } from 'irnn'
import { decodeSpeech } from 'irnn/speech'
import { firstMark } from './anywhere.mjs'

export async function button(model: Model, stop: HTMLButtonElement): Promise<void> {
  const controller = new AbortController()
  stop.onclick = () => controller.abort()
  for await (const { type } of train(model, firstMark(), { signal: controller.signal })) stop.textContent = type
}

export async function chosen(file: File): Promise<Int16Array> {
  return decodeSpeech(new Uint8Array(await file.arrayBuffer()), file.name)
}
