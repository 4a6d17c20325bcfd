/** One network as the page sees it: what its worker has said. */
import { signal } from '@preact/signals'
import type { Alert } from '../../src/figures/alerts.ts'
import type { Probe, Report } from './engine/protocol.ts'
import { History } from './history.ts'
import { type Link, type OpenLink, threadsFor } from './link.ts'
import type { KeptSide } from './session.ts'
import type { NetSettings, Settings } from './settings.ts'

export type Status = 'loading' | 'paused' | 'running' | 'ended' | 'failed'

/** Alerts that are shown; older ones are passed over. */
const ALERTS = 3

export class Side {
  readonly name: 'left' | 'right'
  readonly net = signal<NetSettings | null>(null)
  readonly status = signal<Status>('loading')
  readonly iteration = signal(0)
  readonly perSecond = signal(0)
  readonly live = signal<number | null>(null)
  readonly clipped = signal(0)
  readonly probe = signal<Probe | null>(null)
  readonly alerts = signal<readonly Alert[]>([])
  readonly scores = signal<readonly (readonly [iteration: number, score: number])[]>([])
  readonly description = signal('')
  readonly failure = signal('')
  /** Grows with the history; charts are drawn again by it. */
  readonly news = signal(0)
  /** Whether the rate or the clip was changed after the start: no command does that. */
  readonly changed = signal(false)
  /** The iteration that the browser has kept; -1: none. */
  readonly kept = signal(-1)
  /** Why what was kept could not be used. */
  readonly refused = signal('')
  /** Whether what was kept had ended, so that it does not go on. */
  readonly hadEnded = signal(false)
  history = new History()
  /** Until it is known whether it can go on with what was kept. */
  private goesOn = false
  private readonly open: OpenLink
  private link: Link | null = null
  private waiting: ((report: Report) => void)[] = []

  constructor(name: 'left' | 'right', open: OpenLink) {
    this.name = name
    this.open = open
  }

  /** Begins anew; null: there is no such network. */
  start(net: NetSettings | null, nets: number, digits: Uint8Array | null, from: KeptSide | null = null): void {
    this.link?.close() // also where it is in the middle of something
    this.link = null
    this.tell({ type: 'failed', id: null, message: 'begun anew' })
    this.forget(net)
    if (net === null) return
    if (from) this.goOn(from)
    this.goesOn = from !== null
    this.link = this.open(
      (report) => this.take(report),
      (message) => this.die(message),
    )
    this.link.send({ type: 'start', net, threads: threadsFor(nets), digits, from: from?.training ?? null })
  }

  private goOn({ training, history, scores, changed }: KeptSide): void {
    this.history = history
    this.iteration.value = training.iteration
    this.kept.value = training.iteration
    this.scores.value = scores
    this.changed.value = changed
  }

  private forget(net: NetSettings | null): void {
    this.history = new History()
    this.net.value = net
    this.status.value = 'loading'
    this.iteration.value = 0
    this.perSecond.value = 0
    this.live.value = null
    this.probe.value = null
    this.alerts.value = []
    this.scores.value = []
    this.failure.value = ''
    this.changed.value = false
    this.kept.value = -1
    this.refused.value = ''
    this.hadEnded.value = false
    this.news.value += 1
  }

  run(): void {
    if (this.status.value !== 'paused') return
    this.status.value = 'running'
    this.link?.send({ type: 'run' })
  }

  pause(): void {
    if (this.status.value === 'running') this.link?.send({ type: 'pause' })
  }

  /** So many iterations; resolves when they are done. */
  async step(n: number): Promise<void> {
    if (this.status.value !== 'paused') return
    this.status.value = 'running'
    await this.ask('paused', () => this.link?.send({ type: 'step', n }))
  }

  set(live: Pick<Settings, 'lr' | 'clip' | 'clipKind'>): void {
    if (this.net.value === null || this.link === null) return
    this.net.value = { ...this.net.value, ...live }
    if (this.iteration.value > 0) this.changed.value = true
    this.link.send({ type: 'set', live })
  }

  /** The bytes of model.safetensors, and after how many iterations. */
  async save(): Promise<Extract<Report, { type: 'saved' }> | null> {
    if (!this.answers()) return null
    const report = await this.ask('saved', () => this.link?.send({ type: 'save' }))
    return report.type === 'saved' ? report : null
  }

  /** What the network goes on from after the page was loaded again; null where no network is there to answer. */
  async keep(): Promise<KeptSide | null> {
    if (!this.answers()) return null
    const report = await this.ask('kept', () => this.link?.send({ type: 'keep' }))
    if (report.type !== 'kept') return null
    const { history, scores, changed } = this
    // A copy: the next rows would add what these weights do not know.
    return {
      training: report.kept,
      history: structuredClone(history),
      scores: scores.value,
      changed: changed.value,
    }
  }

  /** Whether there is a network, and a worker that has it. */
  private answers(): boolean {
    const status = this.status.value
    return this.net.value !== null && status !== 'loading' && status !== 'failed'
  }

  /** Sends, and waits for a report of that type, or for a failure. */
  private ask(type: Report['type'], send: () => void): Promise<Report> {
    return new Promise((resolve) => {
      const listen = (report: Report) => {
        if (report.type !== type && report.type !== 'failed') this.waiting.push(listen)
        else resolve(report)
      }
      this.waiting.push(listen)
      send()
    })
  }

  private take(report: Report): void {
    if (report.type === 'ready') {
      this.description.value = report.description
      this.hadEnded.value = report.ended
      this.status.value = report.ended ? 'ended' : 'paused'
      this.goesOn = false
    } else if (report.type === 'rows') this.takeRows(report)
    else if (report.type === 'score') this.scores.value = [...this.scores.value, [report.iteration, report.score]]
    else if (report.type === 'probe') this.probe.value = report.probe
    else if (report.type === 'alerts') this.alerts.value = report.alerts.slice(-ALERTS)
    else if (report.type === 'paused') {
      this.iteration.value = report.iteration
      this.status.value = report.ended ? 'ended' : 'paused'
    } else if (report.type === 'failed' && this.goesOn) this.refused.value = report.message
    else if (report.type === 'failed') {
      this.failure.value = report.message
      if (this.status.value === 'loading') this.status.value = 'failed'
    }
    this.tell(report)
  }

  private tell(report: Report): void {
    for (const listen of this.waiting.splice(0)) listen(report)
  }

  /** The worker answers no more. What is kept is not to blame, and stays. */
  private die(message: string): void {
    this.failure.value = message
    this.status.value = 'failed'
    this.tell({ type: 'failed', id: null, message })
  }

  private takeRows({ rows, perSecond }: Extract<Report, { type: 'rows' }>): void {
    for (const [i, loss] of rows.loss.entries()) this.history.add(rows.iteration[i]!, loss)
    this.news.value += 1
    this.iteration.value = rows.iteration.at(-1)!
    const known = this.perSecond.value
    this.perSecond.value = known > 0 ? 0.8 * known + 0.2 * perSecond : perSecond // a tenth of a second says little
    this.live.value = rows.live
    this.clipped.value = rows.clipped
    afterPainting(() => this.link?.send({ type: 'seen' }))
  }
}

/** Once what has changed is on the screen; a tab that is hidden paints nothing, and is not waited for. */
function afterPainting(then: () => void): void {
  let due = true
  const once = () => {
    if (due) then()
    due = false
  }
  requestAnimationFrame(() => setTimeout(once))
  setTimeout(once, 1000)
}
