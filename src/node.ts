/** What needs a disk, in Node: run folders and their checkpoints, and the tasks whose data are files. */

export { DiskError, freeName, readingFile } from './disk.node.ts'
export { curve } from './figures/curve.ts'
export {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type RunIdentity,
} from './runs/checkpoint.ts'
export {
  type CreateOptions,
  createRunFolder,
  type ResumedRun,
  type ResumeOptions,
  resumeRunFolder,
} from './runs/folder.ts'
export { type Mark, parseRecords, type Records } from './runs/records.ts'
export { type RunConfig, readRecords, readRunFolder, type StoredRun } from './runs/stored.ts'
export type { RunFolder } from './runs/writer.ts'
export { loadMnist, type MnistSources } from './tasks/mnist/load.node.ts'
export { loadSpeech, type SpeechSources } from './tasks/phones/load.node.ts'
export type { TimitOptions } from './tasks/phones/timit.node.ts'
export { openTask } from './tasks/tasks.node.ts'
export { type OpenedWords, openWords, type WordsSources } from './tasks/words/load.node.ts'
