/**
 * SIGINT, SIGTERM and SIGHUP end a run well; the second one ends the process. So does SIGUSR2 where ranks may train
 * together, for mpirun hands it on to all of them: they stop after the same iteration.
 */
import type { Group } from '../src/distributed/group.ts'
import type { StopSignal } from '../src/train/evaluate.ts'
import type { Progress } from './progress.ts'

/** What tells work to end. */
export interface Stop {
  readonly signal: StopSignal
  /** Stops the work without a signal. */
  now(): void
  /** 130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP, as shells have it; 1 when output could not be written. */
  exitCode(): number
  /** Back to the default: a signal kills. */
  release(): void
}

type Codes = Readonly<Partial<Record<NodeJS.Signals, number>>>
const CODES: Codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
/** EX_TEMPFAIL: it was stopped and can go on. */
const CAN_GO_ON = 75

/** @param doing what is done before the process ends */
export function stopOnSignals(progress: Progress, doing = SAVING): Stop & { readonly signal: AbortSignal } {
  const { controller, code, ...rest } = listen(progress, doing, CODES)
  return { ...rest, signal: controller.signal, exitCode: () => code() ?? 1 }
}

/** Of a rank: all stop after the same iteration. A rank that no signal has reached ends with 75, as after SIGUSR2. */
export function stopTogether(progress: Progress, { stop }: Group): Stop {
  const { controller, code, ...rest } = listen(progress, SAVING, { ...CODES, SIGUSR2: CAN_GO_ON })
  controller.signal.addEventListener('abort', () => {
    stop.raised = true
  })
  const signal = {
    get aborted() {
      return stop.agreed
    },
  }
  return { ...rest, signal, exitCode: () => code() ?? (stop.agreed && !stop.raised ? CAN_GO_ON : 1) }
}

const SAVING = 'saving the model'

function listen({ say }: Progress, doing: string, codes: Codes) {
  const controller = new AbortController()
  let code: number | null = null
  const handler = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      release()
      process.kill(process.pid, name)
      return
    }
    code = codes[name] ?? 1
    controller.abort()
    say(`stopping: ${doing}; once more to quit at once`)
  }
  // A reader that went away, or a full disk behind the output: what was computed is saved all the same.
  const now = () => controller.abort()
  const names = Object.keys(codes) as NodeJS.Signals[]
  const release = () => {
    for (const name of names) process.off(name, handler)
    for (const stream of [process.stdout, process.stderr]) stream.off('error', now)
  }
  for (const name of names) process.on(name, handler)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', now)
  return { controller, now, release, code: () => code }
}
