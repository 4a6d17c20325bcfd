/** Arguments of a run of the adding problem, for tests that stop, starve and damage it. */

// About a second of training, after 26 iterations on shorter sequences; records and checkpoints fall on no common
// iteration.
export const RUN: readonly string[] = (
  'train adding --length 12 --train-size 300 --test-size 200 --hidden 16 --batch 16 --iterations 4000 --eval-every 200 ' +
  '--grow-from 3 --grow-iterations 13 --checkpoint-every 37 --threads 1'
).split(' ')
export const SHORT: readonly string[] = but(RUN, '--iterations', '60', '--eval-every', '20')

/** The words of a command with other values of some options, of which none may be given twice. */
export function but(args: readonly string[], ...changes: readonly string[]): string[] {
  const words = [...args]
  for (let i = 0; i < changes.length; i += 2) {
    const at = words.indexOf(changes[i]!)
    words.splice(at < 0 ? words.length : at, at < 0 ? 0 : 2, changes[i]!, changes[i + 1]!)
  }
  return words
}
