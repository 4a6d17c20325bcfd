/** The questions that a page asks, and what answers them. Every path that there is stands here. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as path from 'node:path'
import { explaining, readBytes, statsOf } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { packSeries } from '../figures/wire.ts'
import { Refusal } from '../serve/refusal.ts'
import { VERSION } from '../version.ts'
import { answer, answerJson, JSON_TYPE } from './answer.ts'
import { bucketsOf } from './buckets.ts'
import { detailOf, type FitDetail, highestAt, rowsAt } from './detail.ts'
import { type Query, queryOf, runOf, runsOf, VIEW_NAMES, viewOf } from './query.ts'
import { sendCsv, sendRows } from './records.ts'
import type { WatchedRun } from './run.ts'
import type { Shelf } from './shelf.ts'
import type { Tails } from './tail.ts'

export interface Api {
  readonly shelf: Shelf
  readonly tails: Tails
  /** What irnn fit has left in a folder; null: it is no such run. */
  fit(dir: string): FitDetail | null
}

interface Route {
  readonly names: readonly string[]
  handle(api: Api, query: Query, request: IncomingMessage, response: ServerResponse): Promise<void> | void
}

const PREDICTIONS = 'predictions.csv'
/** Time steps, or groups of such, of a probe. */
const MOST_FLOW = 256
const MOST_PREDICTIONS = 20e6
const PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

const ROUTES: Readonly<Record<string, Route>> = {
  '/api/runs': { names: ['since'], handle: list },
  '/api/run': { names: ['id'], handle: detail },
  '/api/series': { names: ['runs', 'steps', 'evals', ...VIEW_NAMES], handle: series },
  '/api/at': { names: ['runs', 'x', 'at', 'from', 'to', 'key', 'of'], handle: at },
  '/api/flow': { names: ['id'], handle: flow },
  '/api/csv': { names: ['id'], handle: ({ shelf }, query, ...rest) => sendCsv(...rest, runOf(shelf, query)) },
  '/api/rows': { names: ['id', 'from'], handle: rows },
  '/api/forecast': { names: ['id'], handle: forecast },
  '/api/picture': { names: ['id'], handle: picture },
  '/api/tail': { names: ['runs', 'from'], handle: tail },
}

/** Whether a path is one of these; what follows its question mark is not looked at. */
export function routeOf(url: string): Route | undefined {
  const [name = ''] = url.split('?', 1)
  return Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined
}

/** @throws Refusal for a question that cannot be answered */
export async function answerRoute(
  api: Api,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  await api.shelf.look()
  await route.handle(api, queryOf(request.url!, route.names), request, response)
}

function list({ shelf }: Api, query: Query, request: IncomingMessage, response: ServerResponse): void {
  const { changed, ids } = shelf.since(query.whole('since', 0, Number.MAX_SAFE_INTEGER, 0))
  const { instance, revision, problems } = shelf
  answerJson(request, response, {
    instance,
    revision,
    version: VERSION,
    ids,
    runs: changed.map((run) => run.line()),
    problems,
  })
}

async function detail(api: Api, query: Query, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const run = runOf(api.shelf, query)
  await wanted(api.shelf, [run])
  answerJson(request, response, detailOf(run, api.fit(run.dir)))
}

/** Sees to it that the steps of runs are in memory. */
async function wanted(shelf: Shelf, runs: readonly WatchedRun[]): Promise<void> {
  shelf.want(runs)
  await shelf.lookAt(runs.filter(({ log }) => log.steps === null))
}

async function series({ shelf }: Api, query: Query, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const runs = runsOf(shelf, query)
  const [steps, evals, view] = [query.keys('steps'), query.keys('evals'), viewOf(query)]
  await wanted(shelf, runs)
  const packed = runs.flatMap(({ id, log }) => {
    const about = { run: id, offset: log.steps ? log.offset : 0 }
    return [
      { ...about, ...bucketsOf(log.steps ?? log.evals, log.steps ? steps : [], view) },
      { ...about, ...bucketsOf(log.evals, evals, view) },
    ]
  })
  answer(request, response, { type: 'application/octet-stream', body: packSeries(packed) })
}

/** The records nearest to a place, as they are; of the bucket around it the one with the highest number. */
async function at({ shelf }: Api, query: Query, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const runs = runsOf(shelf, query)
  const x = query.word('x', ['iteration', 'seconds'])
  const [place, from, to] = [query.number('at'), query.number('from'), query.number('to')]
  const [key = 'loss'] = query.keys('key')
  const of = query.word('of', ['steps', 'evals'])
  await wanted(shelf, runs)
  const found = runs.map(({ id, log }) => {
    const highest = highestAt(log[of], x, from, to, key)
    return {
      run: id,
      step: rowsAt(log.steps, x, of === 'steps' ? (highest ?? place) : place),
      eval: rowsAt(log.evals, x, of === 'evals' ? (highest ?? place) : place),
    }
  })
  answerJson(request, response, { at: place, runs: found })
}

/** Probes: how much gradient reaches each time step, log10. */
function flow({ shelf }: Api, query: Query, request: IncomingMessage, response: ServerResponse): void {
  const { probes } = runOf(shelf, query).log
  const lists = probes.map(({ iteration, T, flow, decades, verdict, rho }) => {
    const numbers = Array.isArray(flow) ? flow.slice(0, MOST_FLOW).map((value) => Number(value)) : []
    return { iteration, T: Number(T), flow: numbers, decades: Number(decades), verdict, rho: Number(rho) }
  })
  const body = JSON.stringify({ probes: lists }, (_, value) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  )
  answer(request, response, { type: JSON_TYPE, body })
}

function rows({ shelf }: Api, query: Query, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const run = runOf(shelf, query)
  return sendRows(request, response, run, query.whole('from', 0, Number.MAX_SAFE_INTEGER, 0))
}

/** The network's forecasts of the test part, as irnn fit has written them. */
function forecast({ shelf }: Api, query: Query, request: IncomingMessage, response: ServerResponse): void {
  const file = path.join(runOf(shelf, query).dir, PREDICTIONS)
  const body = explaining(PREDICTIONS, 'cannot be read', () => {
    if (statsOf(file).size > MOST_PREDICTIONS) throw new InputError(`${PREDICTIONS}: larger than a page can show`)
    return readBytes(file)
  })
  answer(request, response, { type: 'text/csv; charset=utf-8', body })
}

/** A picture is not ours to trust: a page shows it as an image, and alone it may do nothing. */
function picture(api: Api, query: Query, request: IncomingMessage, response: ServerResponse): void {
  const body = api.fit(runOf(api.shelf, query).dir)?.picture
  if (!body) throw new Refusal(404, 'picture: this run has none')
  const headers = { 'cache-control': 'no-store', 'content-security-policy': PICTURE_POLICY }
  answer(request, response, { type: 'image/svg+xml', body, headers })
}

function tail({ shelf, tails }: Api, query: Query, request: IncomingMessage, response: ServerResponse): void {
  const runs = runsOf(shelf, query)
  const offsets = query.keys('from').map(Number)
  tails.open(request, response, runs, new Map(runs.map(({ id }, i) => [id, offsets[i] ?? 0])))
}
