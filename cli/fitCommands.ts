/** The commands for tables of one's own: fit, predict, backtest. */
import type { Command } from 'commander'
import { FIT_FLAGS, type FitFlags, fitFiles } from './fit.ts'
import { withFlags } from './options.ts'
import { BACKTEST_FLAGS, backtestRun, PREDICT_FLAGS, predictRun } from './predict.ts'

/** @param finish takes the exit code */
export function fitCommands(program: Command, finish: (code: number) => void): void {
  const fit = program
    .command('fit')
    .description(
      'forecast columns of a table, label its sequences or rows, or guess next items: a network beside other ' +
        'methods; "irnn fit births" is a demonstration',
    )
    .argument('<files...>', 'CSV, TSV, JSON Lines, JSON, Parquet, NPY, also packed by gzip; - for standard input')
  withFlags(fit, FIT_FLAGS).action(async (files: string[], flags: FitFlags) => finish(await fitFiles(files, flags)))
  const predict = program
    .command('predict')
    .description('forecast the steps after new rows, or label them, with the network of irnn fit')
    .argument('<dir>', 'folder of a run of irnn fit')
    .argument('<files...>', 'rows with the columns of the fit')
  withFlags(predict, PREDICT_FLAGS).action(async (dir: string, files: string[], flags: object) =>
    finish(await predictRun(dir, files, flags)),
  )
  const backtest = program
    .command('backtest')
    .description('forecast from many moments of rows that are there, and score the forecasts beside other methods')
    .argument('<dir>', 'folder of a run of irnn fit')
    .argument('<files...>', 'rows with the columns of the fit, from before and after its validation part')
  withFlags(backtest, BACKTEST_FLAGS).action(async (dir: string, files: string[], flags: object) =>
    finish(await backtestRun(dir, files, flags)),
  )
}
