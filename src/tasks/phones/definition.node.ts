/** Phones of speech on the command line. */
import { type Given, names } from '../../flag.ts'
import type { TaskDefinition } from '../definition.ts'
import { loadSpeech, type SpeechSources } from './load.node.ts'
import { phones as createPhones, type PhoneCorpus, reopenPhones } from './phones.ts'
import { PHONES_RECIPES } from './recipes.ts'
import { phoneErrorLines } from './report.ts'
import type { PhoneErrors } from './score.ts'
import { readTimit } from './timit.node.ts'

export const phones: TaskDefinition = {
  name: 'phones',
  description: 'speech, frame by frame: which third of which phone is it? TIMIT, or what irnn data speech makes',
  score: 'frame error on the dev set, 0 to 1',
  options: [],
  sources: [
    {
      flag: '--data <dir>',
      required: true,
      help:
        "folder with TIMIT's TRAIN and TEST, or one of irnn data speech; its features are kept in " +
        '$IRNN_CACHE/speech, by default ~/.cache/irnn/speech',
    },
    {
      flag: '--alignments <files>',
      value: names,
      help: "Kaldi's alignments in text (ark,t), with commas between, in place of thirds of segments",
    },
    { flag: '--skip-bad', help: 'leave out bad utterances and count them' },
  ],
  recipes: PHONES_RECIPES,
  create: ({ options, flags, say }) => opened(createPhones({ ...options, corpus: load(flags, say) })),
  open: ({ options, flags, say }) => opened(reopenPhones(options, load(flags, say))),
  check({ data }) {
    if (data !== undefined) readTimit(data as string)
  },
  called: ({ head }, { cell, layers, bidirectional }) => ({
    folder: `phones-${bidirectional ? 'bi-' : ''}${cell}-${layers}`,
    title: `phones, ${head.size} states`,
  }),
}

/** Says what was left out even if another program reads the output: the score is then one of other data. */
function load({ data, alignments, skipBad }: Given, say: (line: string) => void): PhoneCorpus {
  return loadSpeech({ data, alignments, skipBad, say } as SpeechSources)
}

/** Its report takes the place of the usual line: three error rates and the confusions. */
function opened(task: ReturnType<typeof createPhones>) {
  return { task, report: ({ result }: { result: unknown }) => phoneErrorLines(result as PhoneErrors) }
}
