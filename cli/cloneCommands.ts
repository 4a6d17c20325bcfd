/** `irnn data` and `irnn reproduce`, whose work only a clone of the repository can do. */
import * as path from 'node:path'
import type { Command } from 'commander'
import { finite, kindOf, names, positive, whole } from '../src/flag.ts'
import * as z from '../src/schema.ts'
import { loadReproduce, loadSpeech } from './clone.ts'
import type { SpeechFlags } from './data.ts'
import { ALL, FIGURES } from './figures.ts'
import { JSON_LINES, JSON_RESULT, withFlags } from './options.ts'
import type { ReproduceFlags } from './reproduce.ts'

/** @param finish takes the exit code */
export function dataCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('data')
    .description('make data to train on')
    .helpCommand(false) // irnn help data speech
    .command('speech')
    .description("a spoken corpus in TIMIT's layout, synthetic: espeak-ng reads the Brown Corpus")
  withFlags(command, [
    { flag: '--out <dir>', required: true, help: 'folder of the corpus, new or empty' },
    {
      flag: '--speakers <N>',
      value: whole(3),
      default: 24,
      help: 'voices; a tenth of them for development, three twentieths to test',
    },
    { flag: '--sentences <M>', value: whole(), default: 50, help: 'sentences of each speaker, about 3 s each' },
    { flag: '--snr <dB>', value: finite, default: 20, help: 'speech over white noise, decibels' },
    { flag: '--seed <n>', value: whole(0), default: 1, help: 'the same seed gives the same bytes' },
    JSON_RESULT,
  ]).action(async (flags: SpeechFlags) => finish(await (await loadSpeech()).dataSpeech(flags)))
}

/** A share of each run, or else a number of iterations. */
const BUDGET = kindOf(
  z.number().refine((value) => value > 0 && (value <= 1 || Number.isSafeInteger(value))),
  'a share above 0 and at most 1, or a whole number of iterations',
)

/** @param finish takes the exit code */
export function reproduceCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('reproduce')
    .description("run an experiment and draw it over the paper's curves, each claim with its verdict")
    .argument('<figure>', `${FIGURES.join(', ')}, or ${ALL} of them`)
  withFlags(command, [
    { flag: '--only <runs>', value: names, help: 'some of its runs, or of their groups, by name, with commas between' },
    {
      flag: '--budget <N>',
      value: BUDGET,
      help: 'pause each run after N iterations, or after a share of it (0 to 1); called again it goes on',
    },
    {
      flag: '--hours <H>',
      value: positive,
      help: 'pause all runs after so long; called again it goes on. Until then, a file "pause" in --runs stops all',
    },
    { flag: '--jobs <N>', value: whole(), help: 'runs at a time, at the lowest priority (default: one a core)' },
    { flag: '--collect', help: 'run nothing: take what the folders of the runs hold and draw it' },
    { flag: '--grid', help: "the paper's search instead: every learning rate with every clip, as sweeps in --runs" },
    { flag: '--runs <dir>', help: "folder of the runs' folders (default: runs/reproduce/<figure>)" },
    {
      flag: '--out <dir>',
      default: path.join('experiments', 'results'),
      help: 'where results, figure and page go',
    },
    { flag: '--data <dir>', help: "where the task's data are, for irnn train; with all, the corpus of speech" },
    JSON_LINES,
  ]).action(async (figure: string, flags: ReproduceFlags) =>
    finish(await (await loadReproduce()).reproduceFigure(figure, flags)),
  )
}
