/**
 * Instructions a multiply-add of WebAssembly, read from the code that V8 makes of it. That code depends on V8 and on
 * nothing else, so a change of a kernel shows to the last digit, where no callgrind sees a kernel. x64 only.
 */

/** An innermost loop of a product whose tile is whole: 4 rows of 2 vectors. */
export interface Loop {
  /** Its index in the module, which has no names. */
  readonly function: number
  readonly instructions: number
  /** Of a vector. */
  readonly multiplyAdds: number
}

interface Instruction {
  readonly address: bigint
  readonly text: string
}

const LISTED = /^0x([0-9a-f]+) +[0-9a-f]+ +[0-9a-f]+ +(.*)$/
const JUMP = /^j\w+ 0x([0-9a-f]+)/

/** The loops of whole tiles in what `--print-wasm-code` has printed. */
export function loopsOf(listing: string): Loop[] {
  const found: Loop[] = []
  for (const part of listing.split('\n--- WebAssembly code ---\n')) {
    const index = /^index: (\d+)$/m.exec(part)?.[1]
    if (index === undefined || !/^compiler: TurboFan$/m.test(part)) continue
    const code = part.split('\n').flatMap((line) => {
      const match = LISTED.exec(line)
      return match ? [{ address: BigInt(`0x${match[1]}`), text: match[2]! }] : []
    })
    for (const body of innermost(code)) {
      if (isWholeTile(body)) {
        found.push({ function: Number(index), instructions: body.length, multiplyAdds: multiplyAdds(body) })
      }
    }
  }
  return found
}

/** For 8 multiply-adds it has 4 numbers and 2 vectors to read. What has loops around it has many more. */
function isWholeTile(body: readonly Instruction[]): boolean {
  const work = multiplyAdds(body)
  const numbers = count(body, /^vbroadcastss/)
  const vectors = count(body, /^vmovdqu xmm\d+,\[/)
  return work > 0 && 2 * numbers === work && 4 * vectors === work && body.length < 5 * work
}

/** Code between a jump back and where it leads, unless another such pair lies within. */
function innermost(code: readonly Instruction[]): Instruction[][] {
  const at = new Map(code.map(({ address }, i) => [address, i]))
  const loops = code.flatMap(({ address, text }, last) => {
    const target = JUMP.exec(text)?.[1]
    const first = target === undefined ? undefined : at.get(BigInt(`0x${target}`))
    return first !== undefined && code[first]!.address <= address ? [{ first, last }] : []
  })
  return loops
    .filter((loop) => !loops.some((other) => other !== loop && other.first >= loop.first && other.last <= loop.last))
    .map(({ first, last }) => code.slice(first, last + 1))
}

const count = (body: readonly Instruction[], what: RegExp) => body.filter(({ text }) => what.test(text)).length

/** Fused ones, or the products among as many sums. */
function multiplyAdds(body: readonly Instruction[]): number {
  return count(body, /^vfmadd/) || Math.min(count(body, /^vmulps/), count(body, /^vaddps/))
}

/** The least, the median and the most instructions for each multiply-add. */
export function perMultiplyAdd(loops: readonly Loop[]): readonly [number, number, number] {
  const sorted = loops.map(({ instructions, multiplyAdds }) => instructions / multiplyAdds).sort((a, b) => a - b)
  return [sorted[0] ?? Number.NaN, sorted[sorted.length >> 1] ?? Number.NaN, sorted.at(-1) ?? Number.NaN]
}
