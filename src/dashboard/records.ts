/** Records as files to keep: all rows of a run, as CSV or as they are. Sent piece by piece, whatever their number. */

import { once } from 'node:events'
import * as fs from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import * as path from 'node:path'
import * as readline from 'node:readline'
import { statsOf } from '../disk.node.ts'
import { csvHead, csvLine, flatRecord } from '../runs/flat.ts'
import { METRICS } from '../runs/stored.ts'
import { begin } from './answer.ts'
import type { WatchedRun } from './run.ts'

const LINE = 2 ** 20
const MOST_COLUMNS = 1000
const PIECE = 2 ** 16

/** All records as CSV, a line each; the fields of all types are columns. */
export async function sendCsv(request: IncomingMessage, response: ServerResponse, run: WatchedRun): Promise<void> {
  const columns = new Set<string>()
  const end = await eachRecord(run, Number.POSITIVE_INFINITY, (row) => {
    for (const column of row.keys()) if (columns.size < MOST_COLUMNS) columns.add(column)
  })
  const names = [...columns]
  const headers = { 'content-disposition': `attachment; filename="${fileName(run.line().name)}.csv"` }
  if (!begin(request, response, 'text/csv; charset=utf-8', headers)) return
  let piece = `${csvHead(names)}\n`
  await eachRecord(run, end, async (row) => {
    piece += `${csvLine(names, row)}\n`
    if (piece.length < PIECE) return
    await send(response, piece)
    piece = ''
  })
  response.end(piece)
}

/** Whole lines from a place in the file on, as they stand there. The header x-next says where they end. */
export async function sendRows(
  request: IncomingMessage,
  response: ServerResponse,
  { dir, log }: WatchedRun,
  from: number,
): Promise<void> {
  const end = Math.max(from, log.offset)
  if (!begin(request, response, 'application/x-ndjson', { 'x-next': String(end) })) return
  if (end > from) {
    const file = fs.createReadStream(checkedFile(dir), { start: from, end: end - 1 })
    for await (const piece of file) if (!(await send(response, piece as Buffer))) break
  }
  response.end()
}

/** Of a slow reader the next piece waits. Resolves to whether anybody still listens. */
async function send(response: ServerResponse, piece: string | Buffer): Promise<boolean> {
  if (response.destroyed) return false
  if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')])
  return !response.destroyed
}

/** @throws InputError for what is no file */
function checkedFile(dir: string): string {
  const file = path.join(dir, METRICS)
  statsOf(file)
  return file
}

/** Calls `each` for every record before `end`, bytes. Resolves to where it has ended. */
async function eachRecord(
  { dir, log }: WatchedRun,
  end: number,
  each: (row: Map<string, string>) => void | Promise<void>,
): Promise<number> {
  const stop = Math.min(end, log.offset)
  if (stop === 0) return 0
  const input = fs.createReadStream(checkedFile(dir), { end: stop - 1 })
  const lines = readline.createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) {
    const record = line.length <= LINE ? objectOf(line) : null
    if (record) await each(flatRecord(record))
  }
  return stop
}

function objectOf(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

export function fileName(name: string): string {
  return name.replace(/[^\w.-]+/g, '-').slice(0, 100)
}
