/** What needs a disk, in Node: run folders and their checkpoints, and the tasks whose data are files. */

export { DiskError, readingFile } from './disk.node.ts'
export { curve } from './figures/curve.ts'
export {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type Lengths,
  type RunIdentity,
} from './runs/checkpoint.ts'
export {
  type CreateOptions,
  createRunFolder,
  freeFolder,
  type ResumedRun,
  type ResumeOptions,
  type RunFolder,
  resumeRunFolder,
} from './runs/folder.ts'
export { type RunConfig, readEvents, readRunFolder, type StoredRun } from './runs/stored.ts'
export { type DigitSources, loadDigits } from './tasks/mnist/load.node.ts'
export { openTask, type TaskSources } from './tasks/open.node.ts'
export { loadSpeech, type SpeechSources } from './tasks/phones/load.node.ts'
export type { TimitOptions } from './tasks/phones/timit.node.ts'
export { type OpenedWords, openWords, type WordsSources } from './tasks/words/load.node.ts'
