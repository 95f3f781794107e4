// Tests of Uppy from npm on a page of another origin, with each generation of its S3 plugin, and with small and large files.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tab } from './lib/browser.mjs'
import { PartsSent } from './lib/console.mjs'
import { Files, landscape } from './lib/files.mjs'
import { startServer } from './lib/server.mjs'
import { browserAndSite } from './lib/shared.mjs'

const MIB = 1024 * 1024

const shared = browserAndSite()

for (const { generation, mode, unique, added = {} } of [
  { generation: '5', mode: 'endpoint', unique: true },
  { generation: '6', mode: 'companion', unique: true },
  // The page chooses the keys.
  { generation: '6', mode: 'sign', unique: false },
  { generation: '6.3', mode: 'companion', unique: true },
  { generation: '6.3', mode: 'sign', unique: false },
  { generation: '6.3', mode: 'sign', unique: true, added: { unique: true } },
]) {
  test(`Uppy ${generation} by ${mode}, ${unique ? 'unique' : 'named'} drafts`, { timeout: 240_000 }, async (t) => {
    const files = await Files.make(t)
    const small = await files.write('été 1+1 (small).png', landscape(320, 200))
    const large = await files.noise('large & loud.bin', 23 * MIB + 17)
    const server = await startServer({ CORS_ALLOWED_ORIGINS: shared.site.origin })
    try {
      const tab = await Tab.open(shared.browser)
      const { page } = tab
      const sent = new PartsSent(page)
      const query = { generation, mode, server: server.url, added: JSON.stringify(added) }
      await page.goto(`${shared.site.origin}/?${new URLSearchParams(query)}`)
      await page.locator('input.uppy-Dashboard-input').first().setInputFiles([small.path, large.path])
      await page.getByRole('button', { name: 'Upload 2 files' }).click()
      await page.waitForFunction(() => window.result !== undefined, undefined, { timeout: 120_000 })
      const { done, failed } = await page.evaluate(() => window.result)
      assert.deepEqual(failed, [])
      await tab.picture(`uppy-${generation}-${mode}-${unique ? 'unique' : 'named'}`)
      assert.deepEqual(sent.numbers.toSorted((a, b) => a - b), [1, 2, 3, 4, 5])

      for (const file of [small, large]) {
        const { key } = done[file.name]
        assert.ok(key.startsWith('.drafts/') === unique && key.endsWith(file.name), `the key is ${key}`)
        // The page's own key begins with a random ID, and a unique draft's with its directory.
        const kept = unique ? key.split('/').slice(3).join('/') : key
        const inspected = await server.call('inspect-draft', { object_name: key })
        assert.equal(Number(inspected.size), file.size)
        const confirmed = await server.call('confirm-upload', { object_name: key })
        assert.equal(confirmed.final_location, `main/${kept}`)
        assert.equal(await server.confirmedSha256(kept), file.sha256)
      }
      await server.noDraftIsLeft()
      await tab.close()
    } finally {
      await server.stop()
    }
  })
}

test('Uppy 6.3 by sign with a ticket for one small image', { timeout: 240_000 }, async (t) => {
  const files = await Files.make(t)
  const image = await files.write('holiday.png', landscape(320, 200))
  const text = await files.write('notes.txt', Buffer.from('x'))
  const large = await files.noise('large.png', 6 * MIB)
  const server = await startServer({ CORS_ALLOWED_ORIGINS: shared.site.origin })
  try {
    const order = { object_name: 'avatar.png', max_object_bytes: 5 * MIB, content_types: ['image/png'], max_uploads: 1 }
    const { ticket } = await server.call('tickets', order)
    const upload = async (file) => {
      const tab = await Tab.open(shared.browser)
      const { page } = tab
      const query = { generation: '6.3', mode: 'sign', server: `${server.url}/t/${ticket}`, parts: false }
      await page.goto(`${shared.site.origin}/?${new URLSearchParams(query)}`)
      await page.locator('input.uppy-Dashboard-input').first().setInputFiles([file.path])
      await page.getByRole('button', { name: 'Upload 1 file' }).click()
      await page.waitForFunction(() => window.result !== undefined, undefined, { timeout: 120_000 })
      const result = await page.evaluate(() => window.result)
      await tab.close(/status of 4\d\d/, /\[Uppy\]/, /unsafe header/)
      return result
    }
    for (const file of [text, large]) {
      const { failed } = await upload(file)
      assert.equal(failed.length, 1, file.name)
      assert.deepEqual(await server.drafts(), [])
    }
    const { done, failed } = await upload(image)
    assert.deepEqual(failed, [])
    const { key } = done[image.name]
    assert.match(key, /^\.drafts\/..\/[^/]+\/avatar\.png$/)
    const inspected = await server.call('inspect-draft', { object_name: key })
    assert.equal(inspected.content_type, 'image/png')
    const again = await upload(image)
    assert.match(again.failed[0], /as many drafts and uploads as/)
    await server.call('confirm-upload', { object_name: key })
    assert.equal(await server.confirmedSha256('avatar.png'), image.sha256)
  } finally {
    await server.stop()
  }
})

test('a page of an origin that is not allowed cannot upload', async (t) => {
  const files = await Files.make(t)
  const small = await files.write('small.txt', Buffer.from('x'))
  const server = await startServer({ CORS_ALLOWED_ORIGINS: 'https://app.example.com' })
  try {
    const tab = await Tab.open(shared.browser)
    const { page } = tab
    await page.goto(`${shared.site.origin}/?${new URLSearchParams({ generation: 6, mode: 'companion', server: server.url })}`)
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
