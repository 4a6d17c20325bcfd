/**
 * What a worker does: it answers commands, and trains in between, in slices of some 15 ms, so that a command waits for
 * no more than that. Everything that fails is said in one line.
 */
import type { Backend, MnistData } from '../../../src/index.ts'
import { turns } from '../../../src/train/turns.ts'
import { DIGITS, TEST } from '../settings.ts'
import { digitsOf } from './network.ts'
import type { Command, Report } from './protocol.ts'
import { Reader } from './reader.ts'
import { Trainer } from './trainer.ts'

/** What a worker needs of where it runs. */
export interface Surroundings {
  /** Hands a report over, with the memory of its arrays. */
  post(report: Report, moved?: ArrayBuffer[]): void
  backend(threads: number): Promise<Backend>
}

type Live = Extract<Command, { readonly type: 'set' }>['live']

/** Rows are sent at most so often, and the network is looked into. */
const ROWS_MS = 100
const PROBE_MS = 400
/** Share of the time that probes and scores may take. */
const LOOKING = 0.15

export class Desk {
  private readonly around: Surroundings
  private backend: Promise<Backend> | null = null
  private digits: MnistData | null = null
  private trainer: Trainer | null = null
  private reader: Reader | null = null
  /** Iterations that are still to be done; Infinity until paused. */
  private wanted = 0
  private busy = false
  /** Until it is over, other commands wait. */
  private starting: Promise<unknown> = Promise.resolve()
  /** A rate and a clip for the next iteration. */
  private live: Live | null = null
  private sent = 0
  /** Whether the page has shown what was sent: it is not sent more than it can show. */
  private seen = true
  private done = 0
  private lookAt = 0
  private scoreAt = 0

  constructor(around: Surroundings) {
    this.around = around
  }

  /** Carries a command out, one after the other. */
  async take(command: Command): Promise<void> {
    try {
      await this.obey(command)
    } catch (error) {
      const what = command.type === 'open' ? `${command.name}: ` : ''
      const message = what + (error as Error).message
      this.around.post({ type: 'failed', id: 'id' in command ? command.id : null, message })
    }
  }

  private async obey(command: Command): Promise<void> {
    const { around } = this
    if (command.type === 'start') {
      const started = this.start(command)
      this.starting = started.catch(() => {})
      return started
    }
    await this.starting
    if (command.type === 'run') return this.go(Number.POSITIVE_INFINITY)
    if (command.type === 'step') return this.go(command.n)
    if (command.type === 'pause') {
      this.wanted = 0
      if (!this.busy) this.paused()
      return
    }
    if (command.type === 'seen') {
      this.seen = true
      return
    }
    if (command.type === 'set') {
      this.live = command.live
      if (!this.busy) this.setLive()
      return
    }
    if (command.type === 'save') {
      const model = this.trainer!.save()
      around.post({ type: 'saved', iteration: this.trainer!.iteration, model }, [model.buffer])
      return
    }
    if (command.type === 'keep') {
      this.sendRows() // so that the page's curves end where these weights do
      const kept = this.trainer!.keep()
      const arrays = [kept.weights, ...Object.values(kept.optimizer)]
      around.post({ type: 'kept', kept }, arrays.map(({ buffer }) => buffer) as ArrayBuffer[])
      return
    }
    await this.show(command)
  }

  private async show(command: Extract<Command, { readonly id: number }>): Promise<void> {
    const { around } = this
    const { id } = command
    if (command.type === 'open') {
      const opened = new Reader(await this.backendOf(1), command.model)
      this.reader?.dispose()
      this.reader = opened
      around.post({ type: 'opened', id, name: command.name, what: opened.what })
    } else if (command.type === 'read') {
      const read = this.reader!.read(command.pixels, command.scale)
      around.post({ type: 'read', id, read }, [read.h.buffer, read.shares.buffer] as ArrayBuffer[])
    } else {
      const norms = this.reader!.connect(command.t, command.k)
      around.post({ type: 'connect', id, t: command.t, k: command.k, norms }, [norms.buffer as ArrayBuffer])
    }
  }

  private backendOf(threads: number): Promise<Backend> {
    this.backend ??= this.around.backend(threads)
    return this.backend
  }

  private async start({ net, threads, digits, from }: Extract<Command, { type: 'start' }>): Promise<void> {
    this.wanted = 0
    const backend = await this.backendOf(threads)
    if (digits !== null) this.digits = digitsOf(digits, { train: DIGITS, test: TEST })
    this.trainer?.dispose()
    this.trainer = null
    this.trainer = new Trainer(backend, net, this.digits, from)
    const { description, instructionSet } = backend
    const ready = {
      description,
      instructionSet: instructionSet ?? '',
      threads: backend.threads,
      ended: this.trainer.ended,
    }
    this.around.post({ type: 'ready', ...ready })
    this.look()
    await this.score()
  }

  private async go(n: number): Promise<void> {
    this.wanted = n
    if (this.busy || this.trainer === null) return
    this.busy = true
    try {
      await this.train()
    } finally {
      this.busy = false
      this.wanted = 0
      this.setLive()
      this.paused()
    }
  }

  private async train(): Promise<void> {
    const pause = turns()
    this.sent = performance.now()
    for (let trainer = this.trainer; this.wanted > 0 && trainer && !trainer.ended; trainer = this.trainer) {
      this.setLive()
      trainer.iterate()
      this.wanted -= 1
      this.done += 1
      if (this.seen && performance.now() - this.sent >= ROWS_MS) await this.tell()
      if (pause.due()) await pause.take()
    }
    this.sendRows()
    if (this.trainer) this.look()
  }

  /** Sends what there is to see, as far as it is time for it. */
  private async tell(): Promise<void> {
    this.sendRows()
    const now = performance.now()
    if (now >= this.lookAt) this.look()
    if (now >= this.scoreAt) await this.score()
    this.sent = performance.now()
    this.done = 0
  }

  /** Between two iterations only: an evaluation may be under way in between. */
  private setLive(): void {
    if (this.live) this.trainer?.set(this.live)
    this.live = null
  }

  private sendRows(): void {
    const { around, trainer, done } = this
    if (trainer === null) return
    const rows = trainer.take()
    const perSecond = (1000 * done) / Math.max(1, performance.now() - this.sent)
    if (rows.iteration.length === 0) return
    this.seen = false
    around.post({ type: 'rows', rows, perSecond }, [
      rows.iteration.buffer,
      rows.loss.buffer,
      rows.gradNorm.buffer,
    ] as ArrayBuffer[])
    this.sent = performance.now()
    this.done = 0
  }

  private look(): void {
    const { around, trainer } = this
    const began = performance.now()
    const probe = trainer!.probe()
    around.post({ type: 'probe', probe }, [probe.norms.buffer, probe.x.buffer, probe.h.buffer] as ArrayBuffer[])
    around.post({ type: 'alerts', alerts: trainer!.alerts() })
    const now = performance.now()
    this.lookAt = now + Math.max(PROBE_MS, (now - began) / LOOKING)
  }

  private async score(): Promise<void> {
    const { around, trainer } = this
    const began = performance.now()
    const { iteration } = trainer!
    const score = await trainer!.score()
    if (trainer !== this.trainer) return // another network has begun meanwhile
    around.post({ type: 'score', iteration, score })
    const now = performance.now()
    this.scoreAt = now + Math.max(1000, (now - began) / LOOKING)
  }

  private paused(): void {
    const { trainer } = this
    if (trainer) this.around.post({ type: 'paused', iteration: trainer.iteration, ended: trainer.ended })
  }
}
