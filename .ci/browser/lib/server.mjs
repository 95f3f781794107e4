// A server for one test: the real program with the embedded store, on free ports and with an empty environment.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { needed } from './modules.mjs'

/** Starts a server with these additional variables. */
export async function startServer(variables = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'draftstore-browser-'))
  const child = spawn(join(needed('DRAFTSTORE_BINARIES'), 'draftstore-server'), {
    env: {
      STORAGE_TYPE: 'embedded',
      EMBEDDED_DATA_DIR: directory,
      EMBEDDED_PORT: '0',
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      LOG_FORMAT: 'json',
      ...variables,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const server = new Server(child, directory)
  await server.ready
  return server
}

class Server {
  #child
  #directory
  #log = []
  /** The API key of the calls, if the server has a policy. */
  key

  constructor(child, directory) {
    this.#child = child
    this.#directory = directory
    this.ready = new Promise((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.#log.push(line)
        const entry = line.startsWith('{') ? JSON.parse(line) : {}
        if (entry.message !== 'ready' || !entry.http) return
        this.url = `http://${entry.http}`
        this.store = entry.store
        resolve()
      })
      child.on('error', reject)
      child.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${this.#log.join('\n')}`)))
    })
  }

  /** Calls a method by the last segment of its path, and throws on an error response. */
  async call(name, message = {}) {
    const headers = this.key ? { authorization: `Bearer ${this.key}` } : {}
    const response = await fetch(`${this.url}/api/v1/${name}`, { method: 'POST', headers, body: JSON.stringify(message) })
    const body = await response.json()
    assert.ok(response.ok, `${name}: ${JSON.stringify(body)}`)
    return body
  }

  /** Uploads a draft like a plain client. */
  async draft(objectName, body, { contentType, unique = false, lifetime } = {}) {
    const issued = await this.call('upload-url', {
      object_name: objectName,
      unique,
      ...(contentType && { content_type: contentType }),
      ...(lifetime && { draft_lifetime: lifetime }),
    })
    // For a string, fetch would add a media type.
    const response = await fetch(issued.upload_url, { method: issued.method, headers: issued.headers, body: Buffer.from(body) })
    assert.ok(response.ok, `the store answered ${response.status} to ${objectName}`)
    return issued
  }

  /** Downloads an object of the main bucket by a presigned URL and returns its SHA-256. */
  async confirmedSha256(objectName) {
    const issued = await this.call('download-url', { object_name: objectName, stage: 'STAGE_MAIN' })
    const response = await fetch(issued.download_url)
    assert.equal(response.status, 200)
    const hash = createHash('sha256')
    for await (const chunk of response.body) hash.update(chunk)
    return hash.digest('hex')
  }

  /** Enables versioning of the main bucket. */
  async keepVersions() {
    const { access_key_id: id, secret_access_key: secret } = JSON.parse(await readFile(join(this.#directory, 'credentials.json'), 'utf8'))
    const { origin, host } = new URL((await this.call('upload-url', { object_name: 'x' })).upload_url)
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
    const scope = [time.slice(0, 8), 'us-east-1', 's3', 'aws4_request']
    const sha256 = (text) => createHash('sha256').update(text).digest('hex')
    const mac = (key, text) => createHmac('sha256', key).update(text).digest()
    const headers = { host, 'x-amz-content-sha256': sha256(body), 'x-amz-date': time }
    const names = Object.keys(headers).join(';')
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
    const request = ['PUT', '/main', 'versioning=', lines.join(''), names, headers['x-amz-content-sha256']].join('\n')
    const key = scope.reduce(mac, `AWS4${secret}`)
    const signature = mac(key, ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n')).toString('hex')
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${id}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`
    const response = await fetch(`${origin}/main?versioning`, { method: 'PUT', headers, body })
    assert.ok(response.ok, await response.text())
  }

  /** Lists all drafts. */
  async drafts() {
    return (await this.call('list-drafts')).drafts ?? []
  }

  /** Runs the cronjob on the store of the server. */
  async sweep() {
    const child = spawn(join(needed('DRAFTSTORE_BINARIES'), 'draftstore-cronjob'), {
      env: { STORAGE_TYPE: 'embedded', EMBEDDED_DATA_DIR: this.#directory, EMBEDDED_PORT: new URL(this.store).port },
      stdio: 'ignore',
    })
    const [code] = await once(child, 'exit')
    assert.equal(code, 0, `the cronjob ended with ${code}`)
  }

  /** Waits until no draft is left whose name begins so: a confirm is answered before its draft is deleted. */
  async noDraftIsLeft(prefix = '') {
    const deadline = performance.now() + 20_000
    while ((await this.drafts()).some(({ object_name }) => object_name.startsWith(prefix))) {
      if (performance.now() > deadline) throw new Error('a confirmed draft is still there')
    }
  }

  /** Stops the server with SIGTERM, and checks that its log contains no secrets. */
  async stop() {
    this.ready.catch(() => {})
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const [code] = await ended
    await rm(this.#directory, { recursive: true, force: true })
    const log = this.#log.join('\n')
    assert.equal(code, 0, `the server ended with ${code}:\n${log}`)
    assert.ok(!/X-Amz-Signature/i.test(log), 'the server logged a presigned URL')
  }
}
