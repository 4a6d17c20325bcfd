/** The worker of platform.browser.ts: its first message is the work. */
import { serve, type Work } from './threads.ts'

const worker = globalThis as unknown as {
  onmessage: (event: { data: Work }) => void
  postMessage(message: string): void
}
worker.onmessage = ({ data }) => serve(data, () => worker.postMessage('ready'))
