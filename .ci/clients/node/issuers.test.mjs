// Tokens of real issuers, over TLS: oauth2-mock-server and oidc-provider, each through a rotation of its keys.
//
// The server is started here, because it has to trust the issuers' certificate. DRAFTSTORE_SERVER is the program.

import assert from 'node:assert'
import { execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { OAuth2Server } from 'oauth2-mock-server'
import Provider from 'oidc-provider'

// The server fetches keys for an unknown key at most every 30 seconds.
const ROTATION_SECONDS = 60

const directory = mkdtempSync(join(tmpdir(), 'issuers-'))
const path = (name) => join(directory, name)
let server

/** Makes a certificate for loopback, and the authority that signed it. */
function certificate() {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2')
  openssl('req', ...key, '-keyout', 'tls.key', '-out', 'tls.csr', '-subj', '/CN=localhost')
  writeFileSync(path('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n')
  openssl('x509', '-req', '-in', 'tls.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
    '-extfile', 'extensions', '-out', 'tls.pem')
  return { key: path('tls.key'), cert: path('tls.pem') }
}

const tls = certificate()
const tlsOptions = { key: readFileSync(tls.key), cert: readFileSync(tls.cert) }

/** Starts a server with this policy, and returns its URL. */
async function start(policy) {
  writeFileSync(path('policy.toml'), policy)
  server = spawn(process.env.DRAFTSTORE_SERVER, {
    env: {
      PATH: process.env.PATH,
      SSL_CERT_FILE: path('ca.pem'),
      EMBEDDED_DATA_DIR: path('data'),
      AUTH: 'jwt',
      POLICY_FILE: path('policy.toml'),
      LOG_FORMAT: 'json',
      HTTP_PORT: '0',
      GRPC_PORT: '0',
      EMBEDDED_PORT: '0',
      ADMIN_PORT: 'off',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return new Promise((resolve, reject) => {
    const log = []
    createInterface({ input: server.stderr }).on('line', (line) => {
      log.push(line)
      const entry = line.startsWith('{') ? JSON.parse(line) : {}
      if (entry.message === 'ready' && entry.http) resolve(`http://${entry.http}`)
    })
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${log.join('\n')}`)))
  })
}

async function status(url, token) {
  const response = await fetch(`${url}/api/v1/upload-url`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{"object_name":"a"}',
  })
  return response.status
}

/** Waits until the server has fetched the new keys. */
async function accepted(url, token) {
  for (let second = 0; second < ROTATION_SECONDS; second++) {
    if ((await status(url, token)) === 200) return
    await sleep(1000)
  }
  assert.fail('the token of the new key is not accepted')
}

/** A mock of any issuer, whose tokens have the claims that the test gives them. */
async function mock() {
  const issuer = new OAuth2Server(tls.key, tls.cert)
  await issuer.issuer.keys.generate('RS256')
  await issuer.start(0, 'localhost')
  const claims = { client_id: 'app', token_use: 'access', scope: 'openid draftstore/upload' }
  const token = (more = {}, kid) =>
    issuer.issuer.buildToken({
      kid,
      scopesOrTransform: (_, payload) => {
        Object.assign(payload, { sub: 'ada', ...claims, ...more })
      },
    })
  const policy = `
[issuers.mock]
issuer = "${issuer.issuer.url}"
audience = "app"
audience_claim = "client_id"
algorithms = ["RS256", "Ed25519"]
jwks_url = "${issuer.issuer.url}/jwks"
scopes = ["upload"]
scope_prefix = "draftstore/"
required_claims = { token_use = "access" }
`
  return { issuer, token, policy }
}

/** Returns the configuration of an issuer with these private keys. */
function configuration(keys) {
  const resource = { scope: 'upload', audience: 'draftstore', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }
  return {
    jwks: { keys },
    clients: [{
      client_id: 'backend',
      client_secret: 'hush',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    }],
    scopes: ['upload'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:draftstore',
        useGrantedResource: () => true,
        getResourceServerInfo: () => resource,
      },
    },
  }
}

function rsaKey(kid) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }
}

/** An issuer with the client credentials flow, whose keys can be replaced while it runs. */
async function provider() {
  let callback
  const listener = createServer(tlsOptions, (request, response) => callback(request, response))
  await new Promise((resolve) => listener.listen(0, 'localhost', resolve))
  const url = `https://localhost:${listener.address().port}`
  const use = (keys) => {
    callback = new Provider(url, configuration(keys)).callback()
  }
  const token = async () => {
    const response = await fetch(`${url}/token`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from('backend:hush').toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials&scope=upload',
    })
    const body = await response.json()
    assert.ok(response.ok, JSON.stringify(body))
    return body.access_token
  }
  const policy = `
[issuers.provider]
issuer = "${url}"
audience = "draftstore"
algorithms = ["RS256"]
jwks_url = "${url}/jwks"
scopes = ["upload"]
`
  return { listener, use, token, policy }
}

let mocked, provided, url

before(async () => {
  // This process fetches from the issuers too.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  mocked = await mock()
  provided = await provider()
  provided.use([rsaKey('first')])
  url = await start(mocked.policy + provided.policy)
})

after(async () => {
  server?.removeAllListeners('exit')
  server?.kill()
  await mocked?.issuer.stop()
  provided?.listener.closeAllConnections()
  provided?.listener.close()
  rmSync(directory, { recursive: true, force: true })
})

test('tokens of a mocked issuer are accepted by their claims', async () => {
  assert.strictEqual(await status(url, await mocked.token()), 200)
  assert.strictEqual(await status(url, await mocked.token({ scope: 'upload' })), 403)
  for (const wrong of [{ client_id: 'other' }, { token_use: 'id' }, { iss: 'https://other' }]) {
    assert.strictEqual(await status(url, await mocked.token(wrong)), 401, JSON.stringify(wrong))
  }
})

test('tokens of the client credentials flow are accepted', async () => {
  assert.strictEqual(await status(url, await provided.token()), 200)
})

test('keys are rotated over the wire', async () => {
  const old = await provided.token()
  const key = await mocked.issuer.issuer.keys.generate('RS256')
  provided.use([rsaKey('second')])
  const [byMock, byProvider] = [await mocked.token({}, key.kid), await provided.token()]
  await Promise.all([accepted(url, byMock), accepted(url, byProvider)])
  assert.strictEqual(await status(url, old), 401, 'the key was removed')
})
