/** Our reader as bench/data/reading.ts wants it: one line of JSON, as readers/answer.mjs prints it for the others. */
import { openTable } from '../../src/table/openTable.node.ts'

const { rows, columns } = await openTable(process.argv[2]!)
const { user, system } = process.cpuUsage()
const memory = process.resourceUsage().maxRSS / 1e3
const sums = columns.map((column) => {
  const values = column.type === 'category' ? column.codes : column.values
  let sum = 0
  for (let r = 0; r < rows; r++) sum += values[r]!
  return sum
})
console.log(JSON.stringify({ rows, sums, cpu: (user + system) / 1e6, memory }))
