// Optuna opens what `irnn sweep export --optuna` writes, and finds the same best trial: node scripts/check-optuna.mjs
// PYTHON, a Python that has optuna (pip install optuna). Trains six small networks.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const [python = 'python3'] = process.argv.slice(2)
const home = mkdtempSync(join(tmpdir(), 'irnn-optuna-'))
const SWEEP = `
task: adding
options: {length: 10, train-size: 200, test-size: 50, iterations: 100, eval-every: 20}
space:
  cell: [irnn, lstm, gru]
  lr: {log: [1e-4, 1e-1]}
  average: {uniform: [0, 0.9]}
  hidden: {whole: [4, 12]}
  batch: [4, 16]
trials: 6
`
const READ = `
import json, optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
study = optuna.load_study(study_name="sweep", storage=JournalStorage(JournalFileBackend("sweep.log")))
best = study.best_trial
print(json.dumps({"trials": len(study.trials), "id": best.user_attrs["id"], "score": best.value, "params": best.params,
                  "evaluations": len(best.intermediate_values), "optuna": optuna.__version__}))
`

function output(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: home, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args[0]} ended with ${status}: ${stderr}`)
  return stdout
}

try {
  writeFileSync(join(home, 'sweep.yaml'), SWEEP)
  output(process.execPath, MAIN, 'sweep', 'sweep.yaml', '--dir', 'sweep')
  output(process.execPath, MAIN, 'sweep', 'export', 'sweep', '--optuna', 'sweep.log')
  const lines = output(process.execPath, MAIN, 'sweep', 'results', 'sweep', '--json').trimEnd().split('\n')
  const [best] = lines.map((line) => JSON.parse(line)).sort((a, b) => a.score - b.score)
  const { optuna, ...held } = JSON.parse(output(python, '-c', READ))
  const params = Object.fromEntries(Object.keys(held.params).map((name) => [name, best.config.options[name]]))
  const wanted = { trials: 6, id: best.id, score: best.score, params, evaluations: 5 }
  if (JSON.stringify(held) !== JSON.stringify(wanted)) {
    throw new Error(`expected ${JSON.stringify(wanted)} but Optuna has ${JSON.stringify(held)}`)
  }
  console.log(`Optuna ${optuna} has the same six trials and the same best, ${best.id}`)
} finally {
  rmSync(home, { recursive: true })
}
