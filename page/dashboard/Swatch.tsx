/** The colour and the mark of a run, beside its name: shapes tell runs apart where colours do not. */
export function Swatch({ slot, dash }: { slot: number; dash: number }) {
  return (
    <svg class={`swatch c${slot}`} viewBox="0 0 24 12" aria-hidden="true">
      <line x1="0" y1="6" x2="24" y2="6" class={`dash${dash % 4}`} />
      {SHAPES[slot]}
    </svg>
  )
}

/** As `mark` of plot.ts draws them. */
const SHAPES = [
  <circle key="0" cx="12" cy="6" r="4" />,
  <rect key="1" x="8" y="2" width="8" height="8" />,
  <path key="2" d="M12 1 17 6 12 11 7 6Z" />,
  <path key="3" d="M12 1 17 10 7 10Z" />,
  <path key="4" d="M7 5H17V7H7ZM11 1H13V11H11Z" />,
  <circle key="5" cx="12" cy="6" r="3.5" class="ring" />,
]
