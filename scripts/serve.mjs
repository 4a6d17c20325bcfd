// A server of files for checks in a browser.
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

/** What a page needs to share memory among threads. */
export const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
}

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
}

/** A folder to be opened: `open(headers)` starts a server, whose `stop` ends it. */
export function serve(dir) {
  const open = async (headers) => {
    const server = createServer((request, response) => {
      const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname))
      const file = join(dir, path.endsWith('/') ? join(path, 'index.html') : path)
      if (!existsSync(file) || !statSync(file).isFile()) {
        response.writeHead(404, { ...headers, 'Content-Type': 'text/html' }).end('<!doctype html><p>not here</p>')
        return
      }
      response.writeHead(200, { ...headers, 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' })
      createReadStream(file).pipe(response)
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const stop = () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      })
    return { url: `http://127.0.0.1:${server.address().port}/`, stop }
  }
  return { open }
}
