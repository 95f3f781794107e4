// Tests of the page in docs/guides/browser.md, served unchanged from another origin.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { Tab, startBrowser } from './lib/browser.mjs'
import { Files } from './lib/files.mjs'
import { startServer } from './lib/server.mjs'

const GUIDE = new URL('../../docs/guides/browser.md', import.meta.url)

let browser
before(async () => {
  browser = await startBrowser()
})
after(() => browser?.close())

test('the page of the guide uploads a file', { timeout: 60_000 }, async (t) => {
  const [, html] = (await readFile(GUIDE, 'utf8')).match(/<<'HTML'\n(.*?)^HTML$/ms)
  let server
  const site = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(html.replace('http://localhost:8080', server.url))
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  const origin = `http://127.0.0.1:${site.address().port}`
  server = await startServer({ CORS_ALLOWED_ORIGINS: origin })
  try {
    const files = await Files.make(t)
    const file = await files.write('évening 1+1.jpg', Buffer.from('hello\n'))
    const tab = await Tab.open(browser)
    await tab.page.goto(origin)
    await tab.page.locator('input').setInputFiles(file.path)
    await tab.page.getByText(/^uploaded as draft /).waitFor()
    const [draft] = await server.drafts()
    const shown = await tab.page.locator('output').textContent()
    assert.deepEqual([draft.object_name, draft.size, shown], [file.name, '6', `uploaded as draft ${draft.draft_id}`])
    await server.call('confirm-upload', { object_name: file.name, draft_id: draft.draft_id })
    assert.equal(await server.confirmedSha256(file.name), file.sha256)
    await tab.close(/favicon/)
  } finally {
    site.close()
    site.closeAllConnections()
    await server.stop()
  }
})
