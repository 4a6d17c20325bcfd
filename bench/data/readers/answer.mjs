// What every reader prints of the columns that it made: see bench/data/reading.ts.

/**
 * @param {ArrayLike<number>} time [rows] in milliseconds
 * @param {ArrayLike<number>} store [rows], codes in order of appearance
 * @param {readonly ArrayLike<number>[]} numbers three, [rows]
 */
export function answer(time, store, numbers) {
  const { user, system } = process.cpuUsage()
  const memory = process.resourceUsage().maxRSS / 1e3
  const sums = [time, store, ...numbers].map((column) => {
    let sum = 0
    for (let r = 0; r < column.length; r++) sum += column[r]
    return sum
  })
  console.log(JSON.stringify({ rows: time.length, sums, cpu: (user + system) / 1e6, memory }))
}
