/** The addresses of a service. */
import { didYouMean, shown } from '../error.ts'
import { Refusal } from './refusal.ts'

export type RouteName =
  | 'health'
  | 'ready'
  | 'metrics'
  | 'openapi'
  | 'runs'
  | 'run'
  | 'predict'
  | 'sample'
  | 'open'
  | 'session'
  | 'take'
  | 'end'

interface Route {
  readonly name: RouteName
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
}

const ROUTES: readonly Route[] = [
  { name: 'health', method: 'GET', path: '/health' },
  { name: 'ready', method: 'GET', path: '/ready' },
  { name: 'metrics', method: 'GET', path: '/metrics' },
  { name: 'openapi', method: 'GET', path: '/openapi.json' },
  { name: 'runs', method: 'GET', path: '/v1/runs' },
  { name: 'run', method: 'GET', path: '/v1/runs/{run}' },
  { name: 'predict', method: 'POST', path: '/v1/runs/{run}/predict' },
  { name: 'sample', method: 'POST', path: '/v1/runs/{run}/sample' },
  { name: 'open', method: 'POST', path: '/v1/runs/{run}/sessions' },
  { name: 'session', method: 'GET', path: '/v1/runs/{run}/sessions/{session}' },
  { name: 'take', method: 'POST', path: '/v1/runs/{run}/sessions/{session}' },
  { name: 'end', method: 'DELETE', path: '/v1/runs/{run}/sessions/{session}' },
]

/** What an address leads to. */
export interface Found {
  readonly name: RouteName
  /** As metrics and log name it: without what is of the request alone. */
  readonly label: string
  readonly run: string
  readonly session: string
}

const WITH_PARTS = ROUTES.map((route) => ({ ...route, parts: route.path.split('/') }))
const PATHS: readonly string[] = [...new Set(ROUTES.map(({ path }) => path))]

/** @throws Refusal for an address that there is not (404), or a method that it does not know (405) */
export function routeOf(method: string, url: string): Found {
  const [path] = url.split('?', 1) as [string]
  const parts = path.split('/')
  const matching = WITH_PARTS.filter((route) => fits(route.parts, parts))
  if (matching.length === 0) {
    throw new Refusal(
      404,
      `path: expected one of ${PATHS.join(', ')} but received ${shown(path)}${didYouMean(path, PATHS)}`,
    )
  }
  const wanted = method === 'HEAD' ? 'GET' : method
  const found = matching.find((route) => route.method === wanted)
  if (found !== undefined) {
    return { name: found.name, label: found.path, run: parts[3] ?? '', session: parts[5] ?? '' }
  }
  const allowed = matching.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
  throw new Refusal(405, `method: expected one of ${allowed} but received ${shown(method)}`, { allow: allowed })
}

function fits(route: readonly string[], parts: readonly string[]): boolean {
  return (
    route.length === parts.length && route.every((part, i) => part === parts[i] || (part[0] === '{' && parts[i] !== ''))
  )
}
