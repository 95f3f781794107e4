// A tab that is closed after the last part: the server completes the upload, and the backend confirms it by the event.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { Tab } from './lib/browser.mjs'
import { Files } from './lib/files.mjs'
import { needed } from './lib/modules.mjs'
import { startServer } from './lib/server.mjs'
import { browserAndSite } from './lib/shared.mjs'

const SECRET = Buffer.alloc(24, 7)
const PART = 5 * 1024 * 1024

const shared = browserAndSite()

/** A backend with a webhook. `event` resolves to the first event, after it was verified. */
async function startBackend() {
  let heard
  const event = new Promise((resolve) => {
    heard = resolve
  })
  const backend = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers
    const expected = createHmac('sha256', SECRET).update(`${id}.${timestamp}.${body}`).digest('base64')
    assert.equal(signature, `v1,${expected}`)
    response.writeHead(204).end()
    heard(JSON.parse(body))
  })
  backend.listen(0, '127.0.0.1')
  await once(backend, 'listening')
  return { url: `http://127.0.0.1:${backend.address().port}/`, event, close: () => backend.close() }
}

/** Sends both parts of a file by the ticket of the page, and does not complete the upload. */
async function sendParts({ server, size, part }) {
  const call = async (name, message) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${server}/api/v1/${name}`, { method: 'POST', headers, body: JSON.stringify(message) })
    const body = await response.json()
    if (!response.ok) throw new Error(`${name}: ${JSON.stringify(body)}`)
    return body
  }
  const request = { object_name: 'film.bin', unique: true, content_length: size, part_size: part }
  const { object_name, draft_id, upload_id } = await call('multipart/create', request)
  const parts = [{ part_number: 1 }, { part_number: 2 }]
  const signed = await call('multipart/sign-parts', { object_name, draft_id, upload_id, parts })
  for (const [index, { upload_url, headers }] of signed.parts.entries()) {
    const body = new Uint8Array(Math.min(part, size - index * part)).fill(index + 1)
    const sent = await fetch(upload_url, { method: 'PUT', headers, body })
    if (!sent.ok) throw new Error(`part ${index + 1}: ${sent.status}`)
  }
  return draft_id
}

test('the backend hears of an upload whose tab was closed, and confirms it', { timeout: 120_000 }, async (t) => {
  const files = await Files.make(t)
  const backend = await startBackend()
  t.after(backend.close)
  const program = join(needed('DRAFTSTORE_BINARIES'), 'draftstore-server')
  const { stdout } = await promisify(execFile)(program, ['key', 'new', '--name', 'shop'])
  const [key, ...entry] = stdout.split('\n')
  const policy = join(files.directory, 'policy.toml')
  await writeFile(policy, `${entry.join('\n')}
scopes = ["upload", "download", "confirm"]

[[webhooks]]
name = "backend"
url = "${backend.url}"
private_hosts = ["127.0.0.1"]
secrets = ["whsec_${SECRET.toString('base64')}"]
events = ["draft.uploaded"]
`)
  const server = await startServer({
    AUTH: 'api-key',
    POLICY_FILE: policy,
    CORS_ALLOWED_ORIGINS: shared.site.origin,
    COMPLETE_IDLE_AFTER: '1',
    CLEANUP_SCHEDULE: '* * * * * *',
  })
  try {
    server.key = key
    const { ticket } = await server.call('tickets', { object_name: 'film.bin' })
    const tab = await Tab.open(shared.browser)
    await tab.page.goto(`${shared.site.origin}/page.js`)
    const sizes = { size: PART + 4, part: PART }
    const draft = await tab.page.evaluate(sendParts, { server: `${server.url}/t/${ticket}`, ...sizes })
    // The page has no icon.
    await tab.close(/status of 404/)

    const { type, data } = await backend.event
    assert.deepEqual([type, data.object_name, data.draft_id, data.size], ['draft.uploaded', 'film.bin', draft, sizes.size])
    const confirmed = await server.call('confirm-upload', { object_name: data.object_name, draft_id: data.draft_id })
    assert.equal(confirmed.final_location, 'main/film.bin')
    const whole = await files.write('whole', Buffer.concat([Buffer.alloc(PART, 1), Buffer.alloc(4, 2)]))
    assert.equal(await server.confirmedSha256('film.bin'), whole.sha256)
  } finally {
    await server.stop()
  }
})
