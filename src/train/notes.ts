/**
 * What stands in the records of a run beside what training did: which run it is, where it was taken up again, and what
 * went wrong. The loop yields none of it: whoever writes the records adds it.
 */

/** The first record: which run this is, and all it takes to repeat it. Records of 0.1.0 begin without it. */
export interface RunEvent {
  readonly type: 'run'
  readonly iteration: 0
  readonly seconds: 0
  /** Of the records. */
  readonly format: 1
  /** Task, network and seed, say "adding-irnn-T150-seed1": the name of the folder, where none was given. */
  readonly id: string
  /** For people. */
  readonly title: string
  readonly task: string
  /** Steps of a sequence, and sequences of a minibatch. */
  readonly T: number
  readonly B: number
  readonly cell: string
  /** Hidden units of a layer and direction. */
  readonly H: number
  readonly layers: number
  /** How many numbers the model has. */
  readonly parameters: number
  /** At most. */
  readonly iterations: number
  readonly seed: number
  readonly backend: string
  readonly threads: number
  readonly versions: { readonly irnn: string; readonly node: string }
  /**
   * The command that makes the same run; null: no command has made it. In place of a folder or file of the machine it
   * has DIR or FILE.
   */
  readonly command: string | null
  /** The curve of the paper that shows the same, as "pixel-mnist/irnn"; null: there is none. */
  readonly paper: string | null
  /** What config.json holds. */
  readonly config: object
}

/**
 * The run was taken up again from its checkpoint of this iteration. It says nothing of what the run did: without such
 * records, those of a run that was interrupted are those of one that never was.
 */
export interface ResumeEvent {
  readonly type: 'resume'
  readonly iteration: number
  readonly seconds: number
}

/** Types of records that an alert is found in. */
export type AlertSource = 'step' | 'collapse' | 'probe' | 'eval'

/** Something is wrong, written when it is seen. What it says is of the records before it alone. */
export interface AlertEvent {
  readonly type: 'alert'
  readonly iteration: number
  readonly seconds: number
  readonly kind: 'nan' | 'exploding' | 'spike' | 'dead' | 'vanishing' | 'plateau'
  /** error: the run is of no use as it is. warn: something to know. */
  readonly level: 'error' | 'warn'
  readonly message: string
  readonly remedy: string
  /** The type of the record that showed it, which stands before it. */
  readonly found: AlertSource
}
