/** `irnn export`: every kind of run and bad input. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { IrnnCommand } from '../../cli/command.ts'
import { exportCommand } from '../../cli/export.ts'
import { InputError } from '../../src/error.ts'
import { decodeOnnx } from '../../src/formats/onnx/decode.ts'
import { home, run } from '../support/command.ts'

const RUNS = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0', import.meta.url))
const file = (name: string) => path.join(home, name)

test('a run of words: tokens in, states in and out, checked', async () => {
  const { code, out, err } = await run('export', `${RUNS}/words`, '--onnx', 'words.onnx', '--check')
  assert.equal(code, 0, err)
  assert.match(out, /^words\.onnx: 21,\d{3} bytes, opset 17\n {2}in {4}tokens \[T,B\] int64, lengths \[B\] int32, /)
  assert.match(out, /^ {2}check run on random input, .* 8 more times; .* logits \de-7, hn \de-7, cn \de-7$/m)
  assert.equal(decodeOnnx(fs.readFileSync(file('words.onnx'))).graph.inputs.length, 4)
})

test("a model's file, for programs; a file is replaced if one says so", async () => {
  fs.writeFileSync(file('model.onnx'), 'mine')
  const args = [
    'export',
    `${RUNS}/gru.safetensors`,
    '--onnx',
    'model.onnx',
    '--batch-first',
    '--without',
    'lengths,state',
  ]
  const refused = await run(...args)
  assert.deepEqual(refused, {
    code: 2,
    out: '',
    err: 'irnn: model.onnx: it exists: name another file, or add --overwrite\n',
  })
  assert.equal(fs.readFileSync(file('model.onnx'), 'utf8'), 'mine')
  const { code, out } = await run(...args, '--overwrite', '--json')
  assert.equal(code, 0)
  const { type, bytes, inputs, outputs, check } = JSON.parse(out)
  assert.deepEqual([type, bytes, check], ['export', fs.statSync(file('model.onnx')).size, null])
  const shapes = [...inputs, ...outputs].map(({ name, shape }) => [name, shape])
  assert.deepEqual(shapes, [
    ['x', ['B', 'T', 3]],
    ['logits', ['B', 2]],
  ])
})

test('what cannot be exported is refused in a line, and nothing is written', async () => {
  fs.cpSync(`${RUNS}/adding`, file('ended'), { recursive: true })
  for (const name of fs.readdirSync(file('ended'))) if (name.includes('safetensors')) fs.rmSync(file(`ended/${name}`))
  fs.symlinkSync('/dev/null', file('device.onnx'))
  fs.mkdirSync(file('folder.onnx'))
  const before = fs.readdirSync(home)
  const adding = `${RUNS}/adding`
  const bad: [string[], RegExp][] = [
    [
      [file('ended'), '--onnx', file('x.onnx')],
      /ended: it has no model\.safetensors: .* "irnn train --resume .*ended"$/,
    ],
    [
      [adding, '--onnx', file('no/x.onnx')],
      /no\/x\.onnx: cannot be written: its path does not exist and cannot be made$/,
    ],
    [[adding, '--onnx', file('device.onnx'), '--overwrite'], /device\.onnx: cannot be written: it is a symbolic link/],
    [[adding, '--onnx', file('folder.onnx'), '--overwrite'], /folder\.onnx: cannot be written: it is a folder/],
    [['/dev/zero', '--onnx', file('x.onnx')], /^\/dev\/zero: cannot be read: it is a device, not a file$/],
    [[adding, '--onnx', file('x.pb')], /^--onnx: expected a name that ends in \.onnx but received "/],
    [[`${RUNS}/expected.json`, '--onnx', file('x.onnx')], /expected\.json: safetensors file: expected a header within/],
    [[`${RUNS}/no`, '--onnx', file('x.onnx')], /no: expected the folder of a run but it has no config\.json/],
    [
      [adding, '--onnx', file('x.onnx'), '--without', 'x'],
      /^--without: expected some of lengths, state but received "x"$/,
    ],
  ]
  for (const [args, line] of bad) {
    await assert.rejects(exported(args), (error: Error) => {
      assert.ok(error instanceof InputError, error.stack)
      assert.match(error.message, line)
      return !error.message.includes('\n')
    })
  }
  assert.deepEqual(fs.readdirSync(home), before)
})

test("the guide's commands run", async () => {
  const page = fs.readFileSync(new URL('../../../docs/to-onnx.md', import.meta.url), 'utf8')
  const lines = /^```sh\n([\s\S]*?)^```/m.exec(page)![1]!.trim().split('\n')
  for (const line of lines) {
    const { code, err } = await run(...line.split(/\s+/).slice(2))
    assert.equal(code, 0, `${line}: ${err}`)
  }
  assert.ok(lines.length > 2 && fs.existsSync(file('batches.onnx')))
})

/** The command in this process: starting one of its own takes most of the time. */
async function exported(args: readonly string[]): Promise<void> {
  const program = new IrnnCommand('irnn').exitOverride()
  exportCommand(program, () => {})
  await program.parseAsync(['export', ...args], { from: 'user' })
}
