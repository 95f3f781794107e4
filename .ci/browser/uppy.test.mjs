// Tests of Uppy from npm on a page of another origin, with both major versions, and with small and large files.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startBrowser, Tab } from './lib/browser.mjs'
import { PartsSent } from './lib/console.mjs'
import { Files, landscape } from './lib/files.mjs'
import { startServer } from './lib/server.mjs'
import { startSite } from './lib/site.mjs'

const MIB = 1024 * 1024

let browser
let site
before(async () => {
  ;[browser, site] = await Promise.all([startBrowser(), startSite()])
})
after(async () => {
  await browser?.close()
  await site?.close()
})

for (const { generation, mode, unique } of [
  { generation: 5, mode: 'endpoint', unique: true },
  { generation: 6, mode: 'companion', unique: true },
  // The page chooses the keys.
  { generation: 6, mode: 'sign', unique: false },
]) {
  test(`Uppy ${generation} by ${mode}`, { timeout: 240_000 }, async (t) => {
    const files = await Files.make(t)
    const small = await files.write('été 1+1 (small).png', landscape(320, 200))
    const large = await files.noise('large & loud.bin', 23 * MIB + 17)
    const server = await startServer({ CORS_ALLOWED_ORIGINS: site.origin })
    try {
      const tab = await Tab.open(browser)
      const { page } = tab
      const sent = new PartsSent(page)
      await page.goto(`${site.origin}/?${new URLSearchParams({ generation, mode, server: server.url })}`)
      await page.locator('input.uppy-Dashboard-input').first().setInputFiles([small.path, large.path])
      await page.getByRole('button', { name: 'Upload 2 files' }).click()
      await page.waitForFunction(() => window.result !== undefined, undefined, { timeout: 120_000 })
      const { done, failed } = await page.evaluate(() => window.result)
      assert.deepEqual(failed, [])
      await tab.picture(`uppy-${generation}-${mode}`)
      assert.deepEqual(sent.numbers.toSorted((a, b) => a - b), [1, 2, 3, 4, 5])

      for (const file of [small, large]) {
        const { key } = done[file.name]
        assert.ok(unique ? key.startsWith('.drafts/') : key.endsWith(file.name), `the key is ${key}`)
        const kept = unique ? file.name : key
        const inspected = await server.call('inspect-draft', { object_name: key })
        assert.equal(Number(inspected.size), file.size)
        const confirmed = await server.call('confirm-upload', { object_name: key })
        assert.equal(confirmed.final_location, `main/${kept}`)
        assert.equal(await server.confirmedSha256(kept), file.sha256)
      }
      assert.deepEqual(await server.drafts(), [])
      await tab.close()
    } finally {
      await server.stop()
    }
  })
}

test('a page of an origin that is not allowed cannot upload', async (t) => {
  const files = await Files.make(t)
  const small = await files.write('small.txt', Buffer.from('x'))
  const server = await startServer({ CORS_ALLOWED_ORIGINS: 'https://app.example.com' })
  try {
    const tab = await Tab.open(browser)
    const { page } = tab
    await page.goto(`${site.origin}/?${new URLSearchParams({ generation: 6, mode: 'companion', server: server.url })}`)
    await page.locator('input.uppy-Dashboard-input').first().setInputFiles([small.path])
    await page.getByRole('button', { name: 'Upload 1 file' }).click()
    await page.waitForFunction(() => window.result !== undefined)
    assert.equal((await page.evaluate(() => window.result)).failed.length, 1)
    assert.deepEqual(await server.drafts(), [])
    await tab.close(/CORS policy/, /ERR_FAILED/, /Failed to fetch/)
  } finally {
    await server.stop()
  }
})
