/**
 * What is agreed about TIMIT (Garofolo et al. 1993, LDC93S1): who is in which set, and how its labels are folded. The development
 * and core test speakers are those of Halberstadt's thesis (1998) and of Kaldi's recipe (egs/timit/s5/conf); the foldings of 60
 * labels to 48 and 39 are Lee & Hon's (1989), as in Kaldi's phones.60-48-39.map. Of the 61 labels the glottal stop q has no class:
 * its frames carry no target.
 */

/** Speakers under TEST: 400 sentences without SA1 and SA2, which everybody reads. */
export const DEV_SPEAKERS: ReadonlySet<string> = words(`
  faks0 fdac1 fjem0 mgwt0 mjar0 mmdb1 mmdm2 mpdf0 fcmh0 fkms0 mbdg0 mbwm0 mcsh0 fadg0 fdms0 fedw0 mgjf0 mglb0
  mrtk0 mtaa0 mtdt0 mthc0 mwjg0 fnmr0 frew0 fsem0 mbns0 mmjr0 mdls0 mdlf0 mdvc0 mers0 fmah0 fdrw0 mrcs0 mrjm4
  fcal1 mmwh0 fjsj0 majc0 mjsw0 mreb0 fgjd0 fjmg0 mroa0 mteb0 mjfc0 mrjr0 fmml0 mrws1
`)
/** Likewise, 192 sentences: two men and a woman of each dialect. */
export const CORE_TEST_SPEAKERS: ReadonlySet<string> = words(`
  mdab0 mwbt0 felc0 mtas1 mwew0 fpas0 mjmp0 mlnt0 fpkt0 mlll0 mtls0 fjlm0 mbpm0 mklt0 fnlp0 mcmj0 mjdh0 fmgd0
  mgrt0 mnjm0 fdhc0 mjln0 mpam0 fmld0
`)
/** Utterances of the whole corpus: 462 speakers to train on, 50 and 24. */
export const COUNTS = { train: 3696, dev: 400, test: 192 } as const

/** Label, and what it becomes among 48 and 39. */
const FOLDING = [
  ...words(`
  aa:aa:aa ae:ae:ae ah:ah:ah ao:ao:aa aw:aw:aw ax:ax:ah ax-h:ax:ah axr:er:er ay:ay:ay b:b:b bcl:vcl:sil ch:ch:ch
  d:d:d dcl:vcl:sil dh:dh:dh dx:dx:dx eh:eh:eh el:el:l em:m:m en:en:n eng:ng:ng epi:epi:sil er:er:er ey:ey:ey
  f:f:f g:g:g gcl:vcl:sil h#:sil:sil hh:hh:hh hv:hh:hh ih:ih:ih ix:ix:ih iy:iy:iy jh:jh:jh k:k:k kcl:cl:sil l:l:l
  m:m:m n:n:n ng:ng:ng nx:n:n ow:ow:ow oy:oy:oy p:p:p pau:sil:sil pcl:cl:sil r:r:r s:s:s sh:sh:sh t:t:t tcl:cl:sil
  th:th:th uh:uh:uh uw:uw:uw ux:uw:uw v:v:v w:w:w y:y:y z:z:z zh:zh:sh
`),
].map((entry) => entry.split(':') as [label: string, of48: string, of39: string])

/** The 60 labels that have a class, in the order of the classes. */
export const PHONES: readonly string[] = FOLDING.map(([label]) => label)
/** The label without a class. */
export const GLOTTAL_STOP = 'q'
export const LABELS: ReadonlySet<string> = new Set([...PHONES, GLOTTAL_STOP])
/** Each phone by its index in PHONES, folded. */
export const FOLD_48: readonly string[] = FOLDING.map(([, of48]) => of48)
export const FOLD_39: readonly string[] = FOLDING.map(([, , of39]) => of39)

function words(text: string): Set<string> {
  return new Set(text.trim().split(/\s+/))
}
