/** The worker of platform.node.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { serve, type Work } from './threads.ts'

serve(workerData as Work, () => parentPort!.postMessage('ready'))
