// A web site of another origin: pages with Uppy from npm.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { fileOf } from './modules.mjs'

const FILES = new Map([
  ['/', ['text/html', fileURLToPath(new URL('../pages/uppy.html', import.meta.url))]],
  ['/page.js', ['text/javascript', fileURLToPath(new URL('../pages/page.js', import.meta.url))]],
  ['/5/uppy.js', ['text/javascript', fileOf('uppy5/dist/uppy.min.js')]],
  ['/5/uppy.css', ['text/css', fileOf('uppy5/dist/uppy.min.css')]],
  ['/6/uppy.js', ['text/javascript', fileOf('uppy6/dist/uppy.min.js')]],
  ['/6/uppy.css', ['text/css', fileOf('uppy6/dist/uppy.min.css')]],
  // The newest plugin, which no release of the package `uppy` has yet, as the console has it.
  ['/6.3/uppy.js', ['text/javascript', vendored('uppy.js')]],
  ['/6.3/uppy.css', ['text/css', vendored('uppy.css')]],
])

/** Returns the path of a file of the console's bundle. */
function vendored(name) {
  return fileURLToPath(new URL(`../../../cmd/server/console/vendor/${name}`, import.meta.url))
}

/** Serves the site. Returns its origin and `close`. */
export async function startSite() {
  const site = createServer(async ({ url }, response) => {
    const [type, path] = FILES.get(new URL(url, 'http://site').pathname) ?? []
    if (!path) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(await readFile(path))
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  return {
    origin: `http://127.0.0.1:${site.address().port}`,
    close: () => new Promise((resolve) => {
      site.close(resolve)
      site.closeAllConnections()
    }),
  }
}
