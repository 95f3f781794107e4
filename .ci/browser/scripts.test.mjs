// A browser runs nothing that an uploader put behind a download URL, whatever media type the uploader gave it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startBrowser, Tab } from './lib/browser.mjs'
import { startServer } from './lib/server.mjs'

const HTML = '<!doctype html><title>x</title><script>ran()</script>'
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>ran()</script></svg>'

/** Media types that browsers run, and texts that a browser may take for one of them. */
const UPLOADED = [
  ['text/html', HTML],
  ['image/svg+xml', SVG],
  ['application/xhtml+xml', HTML],
  ['text/xml', SVG],
  ['image/png;,text/html', HTML],
  ['image/png; x=y, text/html', HTML],
  ['text/plain;,text/html', HTML],
  ['image/png, text/html', HTML],
  ['text/plain; charset=utf-7', HTML],
  ['text/html;image/png', HTML],
  ['', HTML],
  ['x', HTML],
  ['*/*', HTML],
]

let browser
before(async () => {
  browser = await startBrowser()
})
after(() => browser?.close())

/** Uploads by a presigned URL with a media type of the uploader's choice. */
async function upload(issued, contentType, body) {
  const headers = { ...issued.headers, ...(contentType && { 'content-type': contentType }) }
  const response = await fetch(issued.upload_url, { method: issued.method, headers, body: Buffer.from(body) })
  return response.status
}

/** Opens a URL like a link, and returns true if a script of its page ran. */
async function runs(url) {
  const tab = await Tab.open(browser)
  let ran = false
  await tab.context.exposeFunction('ran', () => {
    ran = true
  })
  // A download ends the navigation with an error.
  await tab.page.goto(url, { waitUntil: 'load' }).catch((error) => assert.match(error.message, /Download is starting/))
  await tab.context.close()
  return ran
}

test('scripts of uploads do not run', { timeout: 240_000 }, async () => {
  const server = await startServer()
  try {
    for (const [contentType, body] of UPLOADED) {
      const name = `file-${UPLOADED.findIndex(([type]) => type === contentType)}`
      const issued = await server.call('upload-url', { object_name: name })
      assert.equal(await upload(issued, contentType, body), 200, contentType)
      const ofDraft = await server.call('download-url', { object_name: name, stage: 'STAGE_DRAFT' })
      const unchecked = await server.call('download-url', { object_name: name, stage: 'STAGE_MAIN', unchecked: true })
      await server.call('confirm-upload', { object_name: name })
      const ofMain = await server.call('download-url', { object_name: name, stage: 'STAGE_MAIN' })
      for (const { download_url: url } of [ofMain, unchecked]) assert.equal(await runs(url), false, contentType)
      // The draft is uploaded again, so that its URL shows something.
      assert.equal(await upload(issued, contentType, body), 200, contentType)
      assert.equal(await runs(ofDraft.download_url), false, contentType)
    }
  } finally {
    await server.stop()
  }
})

test('a type that was agreed on stays when the draft is uploaded again', { timeout: 120_000 }, async () => {
  const server = await startServer()
  try {
    const issued = await server.call('upload-url', { object_name: 'a' })
    assert.equal(await upload(issued, 'image/png', 'not a picture'), 200)
    const download = await server.call('download-url', { object_name: 'a' })
    assert.equal(await upload(issued, 'text/html', HTML), 200)
    assert.equal(await runs(download.download_url), false)
    // Only a call that asks for it gets a page, which shows that this test sees a script that runs.
    const inline = await server.call('download-url', { object_name: 'a', disposition: 'DISPOSITION_INLINE' })
    assert.equal(await runs(inline.download_url), true)
  } finally {
    await server.stop()
  }
})

test('a ticket for pictures uploads no text that a browser takes for a page', { timeout: 60_000 }, async () => {
  const server = await startServer()
  try {
    const { ticket } = await server.call('tickets', { content_types: ['image/*'] })
    const headers = { authorization: `Bearer ${ticket}`, 'content-type': 'application/json' }
    for (const [content_type] of UPLOADED) {
      const body = JSON.stringify({ object_name: 'a', content_type })
      const response = await fetch(`${server.url}/api/v1/upload-url`, { method: 'POST', headers, body })
      if (content_type !== 'image/svg+xml') assert.equal(response.status, 400, content_type)
    }
  } finally {
    await server.stop()
  }
})
