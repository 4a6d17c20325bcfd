/** Numbers of a service in the text format of Prometheus. Names of routes are templates, so that there are few. */

/** Upper ends of the buckets of a latency, in seconds. */
const BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5] as const

interface Latency {
  /** Of each bucket alone, and of what is beyond all. */
  readonly counts: number[]
  sum: number
}

/** A number now, or one that only grows, by its name. */
export interface Reading {
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly value: number
}

/** What was counted of requests. */
export interface Metrics {
  /** A request that was answered. */
  request(route: string, status: number, seconds: number): void
  /** All, and `readings` after them. */
  text(readings: readonly Reading[]): string
}

export function createMetrics(): Metrics {
  const requests = new Map<string, number>()
  const latencies = new Map<string, Latency>()
  return {
    request(route, status, seconds) {
      const labels = `route="${route}",status="${status}"`
      requests.set(labels, (requests.get(labels) ?? 0) + 1)
      let latency = latencies.get(route)
      if (latency === undefined) {
        latency = { counts: new Array<number>(BUCKETS.length + 1).fill(0), sum: 0 }
        latencies.set(route, latency)
      }
      const bucket = BUCKETS.findIndex((most) => seconds <= most)
      latency.counts[bucket < 0 ? BUCKETS.length : bucket]! += 1
      latency.sum += seconds
    },
    text(readings) {
      const lines = [
        ...head('irnn_requests_total', 'Requests that were answered.', 'counter'),
        ...[...requests].map(([labels, n]) => `irnn_requests_total{${labels}} ${n}`),
        ...head('irnn_request_duration_seconds', 'From the head of a request to the end of its answer.', 'histogram'),
        ...[...latencies].flatMap(([route, latency]) => histogram(route, latency)),
        ...readings.flatMap(({ name, help, type, value }) => [...head(name, help, type), `${name} ${value}`]),
      ]
      return `${lines.join('\n')}\n`
    },
  }
}

function head(name: string, help: string, type: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function histogram(route: string, { counts, sum }: Latency): string[] {
  const name = 'irnn_request_duration_seconds'
  let total = 0
  const buckets = [...BUCKETS, '+Inf'].map((most, i) => {
    total += counts[i]!
    return `${name}_bucket{route="${route}",le="${most}"} ${total}`
  })
  return [...buckets, `${name}_sum{route="${route}"} ${sum}`, `${name}_count{route="${route}"} ${total}`]
}
