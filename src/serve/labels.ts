/** A run of irnn fit that labels, or says the next item, as a service has it: rows of a table in, labels out. */

import type { Labelled } from '../data/labels/sequencePredict.ts'
import type { LabelRun } from '../data/run.node.ts'
import * as z from '../schema.ts'
import type { Limits } from './limits.ts'
import { beginningOf, eachRow, notes, opening, plainNote, type RowColumn, Rows } from './rows.ts'
import { type Answer, bodyOf, refuseLong, type Served, type Session } from './served.ts'

function columnsOfLabels({ schema }: LabelRun): RowColumn[] {
  const { id, time, target, split, inputs, kind } = schema
  const columns: RowColumn[] = []
  if (id !== null) columns.push({ name: id, type: 'category', use: 'of which sequence a row is', required: false })
  if (time !== null) columns.push({ name: time, type: 'time', use: 'orders the rows of a sequence', required: true })
  for (const one of inputs) columns.push({ ...one, use: 'input', required: true })
  const unread = { type: 'category', required: false, unread: true } as const
  if (kind === 'label') columns.push({ name: target, use: 'label, which is not read', ...unread })
  if (split !== null) columns.push({ name: split, use: 'part, which is not read', ...unread })
  return columns
}

const label = z.object({
  id: z.string().describe('of the sequence'),
  row: z.int().describe('the first row of the sequence, or the row that has the label; of next items, the last one'),
  label: z.string(),
  probabilities: z.record(z.string(), z.number()),
})

/** A run that labels, or says the next item. */
export function servedLabels(run: LabelRun, limits: Limits): Served {
  const { schema } = run
  const columns = columnsOfLabels(run)
  const rows = new Rows(columns, limits)
  const classes = schema.fitted?.classes ?? []
  const request = z.strictObject({ rows: rows.some })
  const answer = z.object({ predictions: z.array(label), notes })
  const shownClasses = classes.length <= 1000 ? { classes } : {}
  return {
    kind: schema.kind,
    about: { kind: schema.kind, of: schema.of, columns, labels: classes.length, ...shownClasses },
    calls: {
      predict: {
        summary: schema.kind === 'next' ? 'The next item of each sequence.' : `The label of each ${schema.of}.`,
        request,
        answer,
        async run(body) {
          rows.refuseStrangers(body)
          const given = bodyOf(request, body).rows
          refuseLong(given.length, classes.length)
          const { labels, notes } = await run.predict(given)
          return { body: { predictions: labels, notes: notes.map(plainNote) }, steps: given.length }
        },
      },
    },
    sessions: labelSessions(run, rows, classes.length),
    dispose: () => run.dispose(),
  }
}

function labelSessions(run: LabelRun, rows: Rows, classes: number): Served['sessions'] {
  const { model, schema } = run
  // What reads forwards keeps a state, and not the rows before it.
  const keeps = schema.layout === 'rows' && (model.spec.rnn.bidirectional || schema.fitted?.reading === 'mean')
  const request = z.strictObject({ rows: rows.some })
  const answer = z.object({ rows: z.int().describe('of the session so far'), predictions: z.array(label) })
  return {
    summary: 'Takes rows, and answers each with the label of its sequence so far.',
    opening,
    request,
    answer,
    open(body): Session {
      const stream = run.stream(beginningOf(body))
      let taken = 0
      return {
        get kept() {
          return keeps ? taken : 0
        },
        state: () => stream.state(),
        async take(body, work): Promise<Answer> {
          rows.refuseStrangers(body)
          const given = bodyOf(request, body).rows
          refuseLong(given.length, classes)
          const predictions: Labelled[] = []
          await eachRow(given, work, (row) => {
            predictions.push(stream.push(row))
            taken += 1
          })
          return { body: { rows: taken, predictions }, steps: given.length }
        },
      }
    },
  }
}
