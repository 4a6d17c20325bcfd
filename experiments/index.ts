/** All experiments on one page: figures, verdicts, and the way to the page of each. */
import { escapeXml } from '../src/figures/figure.ts'
import type { Results } from './collect.ts'
import type { Experiment } from './experiment.ts'
import { claimsTable, document, tallyOf } from './page.ts'

export interface Reproduced {
  readonly experiment: Experiment
  readonly results: Results
}

/** HTML that stands beside the pages and pictures of the experiments, to which it refers by name. */
export function indexPage(all: readonly Reproduced[]): string {
  const title = "The paper's figures and tables, reproduced"
  const parts = all.flatMap(({ experiment: { name, title, panels }, results }) => [
    `<h2><a href="${name}.html">${escapeXml(title)}</a></h2>`,
    `<p>${tallyOf(results)}.</p>`,
    ...(panels.length > 0
      ? [`<a href="${name}.html"><img src="${name}.svg" alt="${escapeXml(title)}" loading="lazy"></a>`]
      : []),
    claimsTable(results),
  ])
  const head =
    '<p>Le, Jaitly &amp; Hinton, arXiv:1504.00941. Each claim is a test on what the runs came to. ' +
    'Made by <code>irnn reproduce all</code>.</p>'
  return document(title, [`<h1>${title}</h1>`, head, ...parts])
}
