import { openTable } from '../../../dist/src/table/openTable.node.js'
import { answer } from './answer.mjs'

const { columns } = await openTable(process.argv[2])
const [time, store, ...numbers] = columns
answer(
  time.values,
  store.codes,
  numbers.map(({ values }) => values),
)
