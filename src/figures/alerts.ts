/**
 * What went wrong in a run, found in its records, each with what helps. One watch serves who reads the records of a
 * run, of any version, and who writes them and wants to know at once.
 */
import { measured } from '../metric.ts'
import { grouped, percent, significant } from '../numbers.ts'
import type { CollapseEvent, EvalEvent, ProbeEvent, StepEvent, TrainEvent } from '../train/events.ts'
import type { AlertEvent, AlertSource } from '../train/notes.ts'
import { flowLine } from './flow.ts'
import { scoreHistory } from './history.ts'

/** `iteration` is where it began. */
export type Alert = Pick<AlertEvent, 'kind' | 'level' | 'iteration' | 'message' | 'remedy'>

/** Records that say what is usual: their median. */
const USUAL = 20
/** A record whose mean is so many times the usual loss, or one of whose iterations is, has a spike. */
const SPIKE = { mean: 10, single: 1000 } as const
/** In the first records: an iteration with `single` times the least and `mean` times the mean loss of the first. */
const EXPLOSION = { single: 1e4, mean: 10 } as const
/** Below this share of units that are not zero a layer is dead; below this norm a gradient changes no float32. */
const DEAD = 0.02
const VANISHED = 1e-8
/** Records in a row, and evaluations in a row without a better one. */
const LASTING = 10

/** Takes the records of a run, one after the other. */
export interface AlertWatch {
  /** What this record is the first to show. */
  add(event: TrainEvent): Alert[]
  /** What there is to say of all records so far, each thing once, in the order of their iterations. */
  all(): Alert[]
}

/** One of the things that are watched. */
interface Watcher<E> {
  add(event: E): Alert[]
  all(): Alert[]
}

export function alertWatch(): AlertWatch {
  const [collapses, losses, spikes, probes, scores] = [
    new Collapses(),
    new Losses(),
    new Spikes(),
    new Flow(),
    new Scores(),
  ]
  const dead = new Lasting(({ liveShare }) => liveShare < DEAD, deadUnits)
  const vanished = new Lasting(({ gradNorm }) => gradNorm.mean < VANISHED, vanishedNorm)
  return {
    add(event) {
      if (event.type === 'collapse') return collapses.add(event)
      if (event.type === 'probe') return probes.add(event)
      if (event.type === 'eval') return scores.add(event)
      if (event.type !== 'step') return []
      const lost = losses.add(event)
      return [...(collapses.hasNan ? [] : lost), ...[spikes, dead, vanished].flatMap((one) => one.add(event))]
    },
    all() {
      const lost = collapses.hasNan ? [] : losses.all()
      const others = [collapses, spikes, dead, vanished, probes, scores].flatMap((one) => one.all())
      return [...lost, ...others].sort((a, b) => a.iteration - b.iteration)
    },
  }
}

/** All alerts of a run, in the order of their iterations. */
export function alertsOf(events: readonly TrainEvent[]): Alert[] {
  const watch = alertWatch()
  for (const event of events) watch.add(event)
  return watch.all()
}

/** The records of what `event` has shown. */
export function alertEvents({ type, iteration, seconds }: TrainEvent, alerts: readonly Alert[]): AlertEvent[] {
  return alerts.map(({ iteration: since, kind, level, message, remedy }) => ({
    ...{ type: 'alert', iteration, seconds, kind, level },
    message: since < iteration ? sincePut(kind, message, `since iteration ${grouped(since)}`) : message,
    remedy,
    found: type as AlertSource,
  }))
}

/** A plateau is said of what came since. */
function sincePut(kind: Alert['kind'], message: string, since: string): string {
  return kind === 'plateau' ? message.replace(/since$/, since) : `${since} ${message}`
}

/** An alert in a line: "iteration 30: …: …". */
export function alertLine({ iteration, message, remedy }: Pick<Alert, 'iteration' | 'message' | 'remedy'>): string {
  return `iteration ${grouped(iteration)}: ${message}: ${remedy}`
}

const CALMER = 'lower the learning rate, to a tenth say, or clip the gradient'

/** Each as it comes; in the end one for all of a kind: the first, and how many there were. */
class Collapses implements Watcher<CollapseEvent> {
  private readonly kinds = new Map<boolean, { readonly first: CollapseEvent; count: number }>()

  get hasNan(): boolean {
    return this.kinds.has(false)
  }

  add(event: CollapseEvent): Alert[] {
    const known = this.kinds.get(event.finite)
    if (known) known.count += 1
    else this.kinds.set(event.finite, { first: event, count: 1 })
    return [this.alert(event, 1)]
  }

  all(): Alert[] {
    return [...this.kinds.values()].map(({ first, count }) => this.alert(first, count))
  }

  private alert({ finite, iteration, loss, best }: CollapseEvent, count: number): Alert {
    const often = count > 1 ? `, the first of ${grouped(count)}` : ''
    const after = best === null ? '' : ` after ${significant(best)} at best`
    const message = finite
      ? `training explodes, a loss of ${significant(loss)}${after}${often}`
      : `loss or gradient not finite, the minibatch was left out${often}`
    return { kind: finite ? 'exploding' : 'nan', level: 'error', iteration, message, remedy: CALMER }
  }
}

/** Records whose loss is not finite. */
class Losses implements Watcher<StepEvent> {
  private first: StepEvent | null = null
  private lost = 0
  private count = 0

  add(event: StepEvent): Alert[] {
    this.count += 1
    if (Number.isFinite(event.loss.mean)) return []
    this.lost += 1
    if (this.first) return []
    this.first = event
    return [this.alert(event, 'loss not finite')]
  }

  all(): Alert[] {
    const { first, lost, count } = this
    return first ? [this.alert(first, `loss not finite in ${grouped(lost)} of ${grouped(count)} records`)] : []
  }

  private alert({ iteration }: StepEvent, message: string): Alert {
    return { kind: 'nan', level: 'error', iteration, message, remedy: CALMER }
  }
}

/** Each spike once, and an explosion in the first records; in the end with where it was over. */
class Spikes implements Watcher<StepEvent> {
  private readonly found: Alert[] = []
  /** Mean losses of the last records; after a spike, what is usual is to be learnt again. */
  private recent: number[] = []
  /** Losses of the first record. */
  private first: StepEvent['loss'] | null = null
  /** What was usual before a spike that is not over. */
  private usual: number | null = null

  add({ loss, iteration, window }: StepEvent): Alert[] {
    if (iteration <= USUAL * window) this.first ??= loss // a run that goes on later has small ones by chance
    if (this.usual !== null) {
      if (!(loss.mean <= 2 * this.usual)) return []
      this.usual = null
      this.recent = []
      const { message, ...last } = this.found.pop()!
      this.found.push({ ...last, level: 'warn', message: `${message}, over at iteration ${grouped(iteration)}` })
      return []
    }
    const { recent, first } = this
    const known = recent.length === USUAL
    const usual = known ? recent.toSorted((a, b) => a - b)[USUAL >> 1]! : (first?.min ?? 0)
    const limit = known ? Math.max(loss.mean / SPIKE.mean, loss.max / SPIKE.single) : this.exploded(loss, window)
    if (usual > 0 && limit > usual && Number.isFinite(limit)) {
      const size = `${significant(loss.max)}, ${significant(loss.max / usual)} times`
      const message = known ? `the loss jumps to ${size} the usual` : `training explodes, a loss of ${size} the first`
      const kind = known ? 'spike' : 'exploding'
      this.usual = usual
      this.found.push({ kind, level: 'error', iteration, message, remedy: CALMER })
      return [{ ...this.found.at(-1)!, level: 'warn' }]
    }
    if (known) recent.shift()
    recent.push(loss.mean)
    return []
  }

  /**
   * What must be above the least loss of the first record. Of n minibatches of one sequence the least is by chance some
   * n² times less than the mean; the first record has no other to tell that from an explosion.
   */
  private exploded(loss: StepEvent['loss'], window: number): number {
    const { first } = this
    const chance = loss === first ? window ** 2 : 1
    const higher = loss === first || (first !== null && loss.mean > EXPLOSION.mean * first.mean)
    return higher ? loss.max / (EXPLOSION.single * chance) : 0
  }

  all(): Alert[] {
    const { found, usual } = this
    if (usual === null) return [...found]
    const { message, ...last } = found.at(-1)!
    return [...found.slice(0, -1), { ...last, message: `${message}, not over yet` }]
  }
}

/** What is so in some records in a row; in the end, in the last ones. */
class Lasting implements Watcher<StepEvent> {
  private readonly isSo: (step: StepEvent) => boolean
  private readonly alert: (first: StepEvent) => Alert
  private first: StepEvent | null = null
  private count = 0

  constructor(isSo: (step: StepEvent) => boolean, alert: (first: StepEvent) => Alert) {
    this.isSo = isSo
    this.alert = alert
  }

  add(event: StepEvent): Alert[] {
    if (!this.isSo(event)) {
      this.first = null
      this.count = 0
      return []
    }
    this.first ??= event
    this.count += 1
    return this.count === LASTING ? [this.alert(this.first)] : []
  }

  all(): Alert[] {
    return this.first && this.count >= LASTING ? [this.alert(this.first)] : []
  }
}

function deadUnits({ liveShare, iteration }: StepEvent): Alert {
  const message = `most units are dead, only ${percent(liveShare, 1)} of all states are not zero`
  const remedy =
    'dead units learn nothing: begin anew with a lower learning rate or smaller weights, or clip the gradient'
  return { kind: 'dead', level: 'error', iteration, message, remedy }
}

function vanishedNorm({ gradNorm, iteration }: StepEvent): Alert {
  const message = `the gradient vanishes, its norm is ${significant(gradNorm.mean)}`
  const remedy = 'nothing is learnt: try the irnn or lstm cell, larger weights at the start, or shorter sequences'
  return { kind: 'vanishing', level: 'error', iteration, message, remedy }
}

/** A gradient that does not arrive at the first step as it was at the last, since when. */
class Flow implements Watcher<ProbeEvent> {
  private since: ProbeEvent | null = null
  private last: ProbeEvent | null = null

  add(event: ProbeEvent): Alert[] {
    const news = fateOf(event) !== (this.last ? fateOf(this.last) : 'carried')
    if (news) this.since = event
    this.last = event
    return news ? this.all() : []
  }

  all(): Alert[] {
    const { last, since } = this
    if (!last || !since || fateOf(last) === 'carried') return []
    const { iteration } = since
    const message = flowLine(last)
    if (last.verdict === 'explodes') return [{ kind: 'exploding', level: 'warn', iteration, message, remedy: CALMER }]
    const remedy = 'what comes early is not learnt: try the irnn or lstm cell, or shorter sequences'
    return [{ kind: 'vanishing', level: 'warn', iteration, message, remedy }]
  }
}

/** Less than a factor of ten is no trouble in sequences however short: with a loss at every step it is usual. */
function fateOf({ verdict, decades }: ProbeEvent): ProbeEvent['verdict'] {
  return Math.abs(decades) < 1 ? 'carried' : verdict
}

/** The best evaluation is long ago, and the run did not choose it. */
class Scores implements Watcher<EvalEvent> {
  private best: EvalEvent | null = null
  /** Evaluations since the best one. */
  private since = 0

  add(event: EvalEvent): Alert[] {
    const better = !this.best || scoreHistory([this.best, event])?.best === event
    this.since = better ? 0 : this.since + 1
    if (better) this.best = event
    return this.since === LASTING ? this.all() : []
  }

  all(): Alert[] {
    const scores = this.best && scoreHistory([this.best])
    if (!scores || this.since < LASTING) return []
    const { best, of } = scores
    const value = measured(scores, of(best.test))
    const message = `no better than ${scores.name} ${value} in ${grouped(this.since)} evaluations since`
    const remedy = 'lower the learning rate, stop, or take checkpoint-best.safetensors'
    return [{ kind: 'plateau', level: 'warn', iteration: best.iteration, message, remedy }]
  }
}
