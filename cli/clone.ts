/** The commands that only a clone of the repository has: the package leaves out what they need (scripts/pack.mjs). */
import { InputError } from '../src/error.ts'

/** The curves of the paper's figures, which only a clone has; null in an installed package. */
export async function loadCurves(): Promise<typeof import('../experiments/paper.ts').paperCurve | null> {
  try {
    return (await import('../experiments/paper.ts')).paperCurve
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return null
  }
}

/** Loads a command of a clone. @throws InputError in an installed package */
async function ofClone<T>(command: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new InputError(
      `${command}: expected a clone of the repository but this is the installed package, which leaves out what it ` +
        'needs: clone the repository of irnn, and call it there after "npm ci"',
    )
  }
}

export const loadReproduce = (): Promise<typeof import('./reproduce.ts')> =>
  ofClone('reproduce', () => import('./reproduce.ts'))
export const loadSpeech = (): Promise<typeof import('./data.ts')> => ofClone('data speech', () => import('./data.ts'))
