/** What a probe says of the gradient, in words. */
import { significant } from '../numbers.ts'
import type { ProbeEvent } from '../train/events.ts'

/** "the gradient vanishes by 8.3 decades on its way back over 100 steps". */
export function flowLine({ verdict, decades, T }: Pick<ProbeEvent, 'verdict' | 'decades' | 'T'>): string {
  if (verdict === 'carried') return `the gradient is carried back over ${T} steps`
  if (decades === Number.POSITIVE_INFINITY) return 'the gradient grows on its way back until it is no number any more'
  if (!Number.isFinite(decades)) return `nothing of the gradient arrives at the first of ${T} steps`
  const how = verdict === 'vanishes' ? 'vanishes' : 'grows'
  return `the gradient ${how} by ${significant(Math.abs(decades), 2)} decades on its way back over ${T} steps`
}
