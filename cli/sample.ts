/** `irnn sample DIR`: a model of words goes on with a text, a word at a time. */
import type { Command } from 'commander'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { InputError, printable, shown } from '../src/error.ts'
import { notNegative, whole } from '../src/flag.ts'
import { loadModel } from '../src/model/modelFile.ts'
import type { ModelSpec } from '../src/model/spec.ts'
import { readRunFolder } from '../src/runs/stored.ts'
import { vocabularyOfRun } from '../src/tasks/words/load.node.ts'
import { type Prompt, prompted, sampled } from '../src/tasks/words/sample.ts'
import type { Vocabulary } from '../src/tasks/words/vocabulary.ts'
import { BACKEND, JSON_LINES, withFlags } from './options.ts'
import { say } from './say.ts'

export interface SampleFlags {
  prompt: string
  temperature: number
  words: number
  seed: number
  best?: boolean
  backend?: BackendName
  json?: boolean
}

/** @param finish takes the exit code */
export function sampleCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('sample')
    .description('go on with a text, word by word, with the model of a run of words; <UNK> is never drawn')
    .argument('<dir>', 'folder of a run of words')
  withFlags(command, [
    {
      flag: '--prompt <text>',
      default: '',
      help: 'how the text begins: words with spaces between, as in the training text',
    },
    {
      flag: '--temperature <t>',
      value: notNegative,
      default: 1,
      help: 'above 1 bolder, below 1 safer; 0: always the most probable word',
    },
    {
      flag: '--words <N>',
      value: whole(),
      default: 100,
      help: 'how many words to draw; the end of a sentence counts as one',
    },
    { flag: '--seed <n>', value: whole(0), default: 1, help: 'the same seed draws the same words' },
    { flag: '--best', help: 'the checkpoint with the best held-out score, not the last weights' },
    BACKEND,
    JSON_LINES,
  ]).action(async (dir: string, flags: SampleFlags) => finish(await sampleRun(dir, flags)))
}

/** Streams words to stdout as they are drawn, a sentence a line; or a record each. Returns the exit code. */
export async function sampleRun(dir: string, flags: SampleFlags): Promise<number> {
  const run = readRunFolder(dir)
  const { name, options } = run.config.task
  if (name !== 'words') throw new InputError(`${dir}: expected a run of words but it is one of ${shown(name)}`)
  const vocabulary = vocabularyOfRun(dir, options.vocabulary)
  const backend = await createBackend({ name: flags.backend, threads: 1 })
  const model = run.readModel(flags.best ? 'best' : 'final', (source) => loadModel(source, { backend }))
  refuseMisfit(dir, model.spec, vocabulary)
  const given = prompted(flags.prompt, vocabulary)
  if (given.unknown.length > 0 && !flags.json) {
    say(`--prompt: not in the vocabulary, so read as <UNK>: ${given.unknown.map(shown).join(', ')}`)
  }
  const closed = new Promise<'closed'>((resolve) => {
    process.stdout.on('error', () => resolve('closed'))
  })
  const stepper = model.stepper()
  try {
    const drawn = sampled((token) => stepper.step(token), vocabulary, given.words, flags)
    for (const text of flags.json ? records(given, drawn) : texts(given, drawn)) {
      // Word by word, and no further than somebody reads.
      const full = !process.stdout.write(text)
      const drained = full ? new Promise((resolve) => process.stdout.once('drain', resolve)) : new Promise(setImmediate)
      if ((await Promise.race([drained, closed])) === 'closed') return 1
    }
  } finally {
    stepper.dispose()
    model.dispose()
  }
  return 0
}

function refuseMisfit(dir: string, { input, head }: ModelSpec, { size }: Vocabulary): void {
  if ('vocabulary' in input && input.vocabulary === size && head.size === size && head.steps === 'every') return
  throw new InputError(
    `${dir}: expected a model of the ${size} words of its vocabulary but it is another: train it anew`,
  )
}

/** The prompt and what was drawn, with the spaces and line ends between them. */
export function* texts({ words }: Prompt, drawn: Iterable<string | null>): Generator<string> {
  if (words.length > 0) yield printable(words.join(' '))
  let fresh = words.length === 0
  for (const word of drawn) {
    yield word === null ? '\n' : `${fresh ? '' : ' '}${printable(word)}`
    fresh = word === null
  }
  if (!fresh) yield '\n'
}

/** The same as records of JSON, a line each. */
function* records({ words, unknown }: Prompt, drawn: Iterable<string | null>): Generator<string> {
  yield `${JSON.stringify({ type: 'prompt', words, unknown })}\n`
  for (const word of drawn) yield `${JSON.stringify(word === null ? { type: 'end' } : { type: 'word', word })}\n`
}
