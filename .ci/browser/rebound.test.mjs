// A page whose name resolves to this machine (DNS rebinding) neither sees nor calls a server that requires no credentials.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startBrowser, Tab } from './lib/browser.mjs'
import { startServer } from './lib/server.mjs'

const REBOUND = 'evil.test'

let browser
before(async () => {
  browser = await startBrowser([`--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`])
})
after(() => browser?.close())

test('a rebound name gets neither the console nor an answer', { timeout: 120_000 }, async () => {
  const server = await startServer()
  try {
    const { page } = await Tab.open(browser, { bypassCSP: true })
    const rebound = new URL(server.url)
    rebound.hostname = REBOUND
    const answer = await page.goto(rebound.href)
    assert.equal(answer.status(), 421)
    const call = (path, options) =>
      page.evaluate(([path, options]) => fetch(path, options).then((answer) => answer.status), [path, options])
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"object_name":"a"}' }
    assert.equal(await call('/health'), 421)
    assert.equal(await call('/api/v1/list-drafts', { ...json, body: '{}' }), 421)
    assert.equal(await call('/api/v1/upload-url', json), 421)
  } finally {
    await server.stop()
  }
})
