// Whether C++ is laid out as .clang-format says. Versions of clang-format differ, so the file names its own in a
// comment, "# clang-format 23" ("pip install clang-format==23.*" has it). Where that one is not on the PATH, a line
// says so, and that is no failure.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const STYLE = join(ROOT, '.clang-format')
const FOLDERS = ['kernels', join('test', 'kernels')]

function main() {
  if (!existsSync(STYLE)) return
  const wanted = /^# clang-format (\d+)/m.exec(readFileSync(STYLE, 'utf8'))?.[1]
  const { stdout } = spawnSync('clang-format', ['--version'], { encoding: 'utf8' })
  const version = /version (\d+)/.exec(stdout ?? '')?.[1]
  if (wanted === undefined || version !== wanted) {
    console.log(`irnn: layout of C++ not checked: expected clang-format ${wanted} but found ${version ?? 'none'}`)
    return
  }
  const files = FOLDERS.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
  const sources = files.filter((file) => /\.(cc|h)$/.test(file))
  const options = { cwd: ROOT, encoding: 'utf8' }
  const { status, stderr } = spawnSync('clang-format', ['--dry-run', '--Werror', ...sources], options)
  if (status === 0) return
  const wrong = [...new Set([...stderr.matchAll(/^([^\s:]+):\d+:\d+: error/gm)].map(([, file]) => file))]
  console.error(`irnn: layout of C++: expected that of .clang-format in ${wrong.join(', ') || stderr.trim()}`)
  console.error(`irnn: mend it with: clang-format -i ${wrong.join(' ')}`)
  process.exitCode = 1
}

main()
