/** Where Chromium is, and how pages are measured and tested in it: without what network and screen decide. */
import * as fs from 'node:fs'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Its program; undefined: there is none. */
export const program: string | undefined = [process.env.CHROMIUM ?? '', ...PLACES].find(
  (file) => file !== '' && fs.existsSync(file),
)

export const NO_BROWSER = 'no Chromium is installed: "apt-get install chromium", or name one in $CHROMIUM'

export const ARGS: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--force-device-scale-factor=1',
  '--font-render-hinting=none',
  '--host-resolver-rules=MAP evil.test 127.0.0.1',
]
