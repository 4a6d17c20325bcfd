/** What a path leads to, opened to be served: a run of any kind, or the file of a model. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Backend } from '../backend/backend.ts'
import { openAnyRun } from '../data/run.node.ts'
import { explaining, readingFile } from '../disk.node.ts'
import { InputError, refuseNoText, shown } from '../error.ts'
import type { Source } from '../formats/safetensors.ts'
import type { Model } from '../model/model.ts'
import { loadModel, modelMetadata } from '../model/modelFile.ts'
import { CONFIG, MODEL, readRunFolder, type StoredRun } from '../runs/stored.ts'
import { vocabularyOfRun } from '../tasks/words/load.node.ts'
import { servedForecast } from './forecasts.ts'
import { servedLabels } from './labels.ts'
import type { Limits } from './limits.ts'
import { servedModel } from './models.ts'
import type { Served } from './served.ts'
import { type OfTask, servedAdding, servedMnist, servedPhones } from './tasks.ts'
import { servedWords } from './words.ts'

interface Opening {
  readonly backend: Backend
  readonly limits: Limits
}

/** How a model of each task is served. */
const TASKS: Readonly<Record<string, (run: OfTask, dir: string) => Served>> = {
  adding: servedAdding,
  mnist: servedMnist,
  phones: servedPhones,
  words: (run, dir) => servedWords(run, vocabularyOfRun(dir, run.options.vocabulary)),
}

/** The metadata in which the model of irnn fit has its schema. */
const SCHEMA = 'schema'

/** @throws InputError when there is nothing that can be served, or it is damaged */
export function openServed(place: string, opening: Opening): Served {
  refuseNoText('serve: path', place)
  const stats = explaining(place, 'cannot be read', () => fs.statSync(place, { throwIfNoEntry: false }))
  const isRun = fs.existsSync(path.join(place, CONFIG)) || !fs.existsSync(path.join(place, MODEL))
  try {
    if (!stats?.isDirectory()) return ofFile(place, opening)
    return isRun ? ofRun(place, opening) : ofFile(path.join(place, MODEL), opening)
  } catch (error) {
    // A model's file does not know its name.
    if (!(error instanceof InputError) || error.message.includes(place)) throw error
    throw new InputError(`${place}: ${error.message}`)
  }
}

/** A model that is no part of a run. */
function ofFile(file: string, { backend, limits }: Opening): Served {
  return servedOr(
    readingFile(file, (source) => {
      if (!modelMetadata(source).has(SCHEMA)) return loadModel(source, { backend })
      throw new InputError(`${file}: expected a model of plain numbers but it is one of irnn fit: name its folder`)
    }),
    (model) => servedModel(model, limits),
  )
}

function ofRun(dir: string, { backend, limits }: Opening): Served {
  const stored = readRunFolder(dir)
  const { name, options } = stored.config.task
  const ofTask = Object.hasOwn(TASKS, name) ? TASKS[name] : undefined
  if (ofTask !== undefined) {
    return servedOr(modelOf(stored, backend), (model) => ofTask({ model, options, limits }, dir))
  }
  if (!stored.readModel('final', (source) => modelMetadata(source).has(SCHEMA))) {
    return servedOr(modelOf(stored, backend), (model) => servedModel(model, limits))
  }
  const run = openAnyRun(dir, { backend })
  return 'backtest' in run ? servedForecast(run, limits) : servedLabels(run, limits)
}

function modelOf(stored: StoredRun, backend: Backend): Model {
  return stored.readModel('final', (source: Source) => loadModel(source, { backend }))
}

/** What `serve` makes of a model, which is given back if it refuses. */
function servedOr(model: Model, serve: (model: Model) => Served): Served {
  try {
    return serve(model)
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** Names as they stand in addresses. */
const NAME = /^[\w.-]{1,64}$/

/**
 * Runs by name, of words as `births=runs/births-gru-seed1` or the path alone, whose last part is then the name.
 * @throws InputError for a name that is none, or is there twice
 */
export function namedRuns(words: readonly string[]): Record<string, string> {
  const runs: Record<string, string> = {}
  for (const word of words) {
    const [name, place] = namedRun(word)
    if (!NAME.test(name) || /^\.+$/.test(name) || name === '__proto__') {
      throw new InputError(
        `${word}: expected a name of letters, digits, ".", "_" and "-" but received ${shown(name)}: write NAME=${word}`,
      )
    }
    if (Object.hasOwn(runs, name)) {
      throw new InputError(`${word}: expected each name once but ${name} is there twice: write NAME=${place}`)
    }
    runs[name] = place
  }
  return runs
}

function namedRun(word: string): [name: string, place: string] {
  const at = word.indexOf('=')
  if (at > 0 && !fs.existsSync(word)) return [word.slice(0, at), word.slice(at + 1)]
  const own = path.resolve(word)
  const base = path.basename(own) === MODEL ? path.dirname(own) : own
  return [path.basename(base).replace(/\.safetensors$/, ''), word]
}
