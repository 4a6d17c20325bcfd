/** `irnn play`: the playground, networks that train in the browser. */
import type { Command } from 'commander'
import { accessOf, PAGE_FLAGS, type PageFlags, servePage } from './dashboard.ts'
import { withFlags } from './options.ts'
import { loadPages } from './pages.ts'

interface PlayFlags extends PageFlags {
  allowHost?: string[]
}

/** There is nothing to protect: no token is needed. */
const FLAGS = PAGE_FLAGS.map((flag) => (/^--host /.test(flag.flag) ? { ...flag, help: 'address to listen on' } : flag))

/** @param finish takes the exit code */
export function playCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('play')
    .description('train small networks in a browser, and see what they do: docs/play.md')
  withFlags(command, FLAGS).action(async (flags: PlayFlags) => finish(await play(flags)))
}

/** Serves until a signal. The pages hold nothing of this machine: whoever can reach them may have them. */
async function play(flags: PlayFlags): Promise<number> {
  const { server, site } = await loadPages()
  const { hosts } = accessOf(flags, server)
  return await servePage(server.createPageServer({ site, home: '/play/', hosts }), flags, undefined, 'play')
}
