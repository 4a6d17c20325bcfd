/** The OpenAPI 3.1 document of a service: the schemas that check bodies are those that it shows. */
import type * as z from '../schema.ts'
import type { Call, Served } from './served.ts'

type Json = Readonly<Record<string, unknown>>

const ERROR = {
  type: 'object',
  properties: {
    error: { type: 'string', description: 'one line: what, where, expected, received, remedy' },
    id: { type: 'string', description: 'of the request, as in x-request-id' },
  },
  required: ['error', 'id'],
}

const ok = (description: string, schema: Json = { type: 'object' }): Json => ({
  description,
  content: { 'application/json': { schema } },
})

const refused = { default: { $ref: '#/components/responses/Refused' } }

const PLAIN: Record<string, Json> = {
  '/health': get('health', 'Whether the process answers.', false),
  '/ready': get('ready', 'Whether it takes requests: 503 while it stops.', false),
  '/metrics': {
    get: {
      operationId: 'metrics',
      summary: 'Numbers for Prometheus.',
      responses: {
        200: { description: 'text', content: { 'text/plain': { schema: { type: 'string' } } } },
        ...refused,
      },
    },
  },
  '/openapi.json': get('openapi', 'This document.'),
  '/v1/runs': get('runs', 'What runs there are.'),
}

function get(operationId: string, summary: string, guarded = true): Json {
  const security = guarded ? {} : { security: [] }
  return { get: { operationId, summary, ...security, responses: { 200: ok('done'), ...refused } } }
}

/** @param token whether requests need one */
export function openapiOf(
  runs: ReadonlyMap<string, Served>,
  { version, token }: { version: string; token: boolean },
): Json {
  const schemas: Record<string, Json> = { Error: ERROR }
  const paths: Record<string, Json> = { ...PLAIN }
  for (const [name, served] of runs) {
    const ref = schemaKeeper(schemas, name)
    const path = `/v1/runs/${name}`
    paths[path] = get(`${name}.about`, `What ${name} is: ${served.kind}.`)
    for (const [call, question] of Object.entries(served.calls)) {
      paths[`${path}/${call}`] = { post: postOf(`${name}.${call}`, question, ref, call) }
    }
    if (typeof served.sessions !== 'string') Object.assign(paths, sessionPaths(path, name, served.sessions, ref))
  }
  return {
    openapi: '3.1.0',
    info: { title: 'irnn', version, description: 'Recurrent networks as a service.' },
    ...(token && { security: [{ bearer: [] }] }),
    paths,
    components: {
      schemas,
      responses: { Refused: ok('The request was refused.', { $ref: '#/components/schemas/Error' }) },
      ...(token && { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } }),
    },
  }
}

type Ref = (part: string, schema: z.Schema<unknown>) => Json

/** Puts a schema among the components, and gives the reference to it. */
function schemaKeeper(schemas: Record<string, Json>, name: string): Ref {
  return (part, schema) => {
    const key = `${name}.${part}`
    schemas[key] = schema.json
    return { $ref: `#/components/schemas/${key}` }
  }
}

function postOf(
  operationId: string,
  { summary, request, answer }: Pick<Call, 'summary' | 'request' | 'answer'>,
  ref: Ref,
  part: string,
): Json {
  const schema = ref(`${part}.request`, request)
  return {
    operationId,
    summary,
    requestBody: { required: true, content: { 'application/json': { schema } } },
    responses: { 200: ok('done', ref(`${part}.answer`, answer)), ...refused },
  }
}

function sessionPaths(path: string, name: string, sessions: Exclude<Served['sessions'], string>, ref: Ref): Json {
  const parameters = [{ name: 'session', in: 'path', required: true, schema: { type: 'string' } }]
  const id = { type: 'object', properties: { session: { type: 'string' } }, required: ['session'] }
  const opening = ref('session.open', sessions.opening)
  return {
    [`${path}/sessions`]: {
      post: {
        operationId: `${name}.open`,
        summary: 'Opens a session: a stream that keeps what came before.',
        requestBody: { required: true, content: { 'application/json': { schema: opening } } },
        responses: { 201: ok('opened', id), ...refused },
      },
    },
    [`${path}/sessions/{session}`]: {
      parameters,
      get: { ...(get(`${name}.session`, 'What a session is.').get as Json) },
      post: postOf(`${name}.take`, sessions, ref, 'session'),
      delete: {
        operationId: `${name}.end`,
        summary: 'Ends a session.',
        responses: { 204: { description: 'ended' }, ...refused },
      },
    },
  }
}
