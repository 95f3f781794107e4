// End-to-end tests of the console with a server that requires authentication.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startBrowser, Tab } from './lib/browser.mjs'
import { assertAccessible, choose, rowOf, settled } from './lib/console.mjs'
import { Files } from './lib/files.mjs'
import { needed } from './lib/modules.mjs'
import { startServer } from './lib/server.mjs'

const MIB = 1024 * 1024

let browser
before(async () => {
  browser = await startBrowser()
})
after(() => browser?.close())

test('a key is requested, stored in the tab, and sent with every call', { timeout: 240_000 }, async (t) => {
  const files = await Files.make(t)
  const made = execFileSync(join(needed('DRAFTSTORE_BINARIES'), 'draftstore-server'), ['key', 'new', '--name', 'ada'])
  const [key, ...policy] = made.toString().split('\n')
  const scopes = "scopes = ['upload', 'download', 'inspect', 'confirm', 'discard']"
  const policyFile = (await files.write('policy.toml', Buffer.from(`${policy.join('\n')}${scopes}\n`))).path
  const server = await startServer({ AUTH: 'api-key', POLICY_FILE: policyFile })
  try {
    const tab = await Tab.open(browser)
    const { page } = tab
    await page.goto(server.url)
    const dialog = page.getByRole('dialog', { name: 'Sign in' })
    const input = dialog.getByLabel('API key or token')
    await input.waitFor()
    await assertAccessible(page)
    await input.fill('dsk_of_nobody')
    await input.press('Enter')
    await dialog.getByText('That key is not valid.').waitFor()
    await input.fill(key)
    await input.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await settled(page)

    // Uppy's calls carry the key as well, for single and multipart uploads.
    const small = await files.write('small.bin', Buffer.alloc(1000, 'a'))
    const large = await files.write('large.bin', Buffer.alloc(13 * MIB, 'b'))
    await choose(page, small, large)
    for (const { name } of [small, large]) await rowOf(page, 'Drafts', name).waitFor()
    await rowOf(page, 'Drafts', small.name).getByRole('button', { name: small.name, exact: true }).click()
    await page.getByRole('dialog', { name: small.name }).getByRole('button', { name: 'Confirm' }).click()
    await rowOf(page, 'Confirmed', small.name).waitFor()

    const kept = () => page.evaluate(() => [Object.values({ ...sessionStorage }), JSON.stringify({ ...localStorage }), document.cookie])
    const [session, local, cookie] = await kept()
    assert.ok(session.includes(key) && !local.includes(key) && cookie === '')
    await page.reload()
    await settled(page)
    assert.equal(await dialog.count(), 0, 'a reload asks nobody again')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await input.waitFor()
    assert.ok(!(await kept())[0].includes(key))
    // The browser logs every response with this status.
    await tab.close(/401 \(Unauthorized\)/)
  } finally {
    await server.stop()
  }
})

test('the state of checks is shown, and checks are started', { timeout: 240_000 }, async (t) => {
  const files = await Files.make(t)
  const made = execFileSync(join(needed('DRAFTSTORE_BINARIES'), 'draftstore-server'), ['key', 'new', '--name', 'ada'])
  const [key, ...entry] = made.toString().split('\n')
  const policy = [...entry, "scopes = ['upload', 'download', 'inspect', 'confirm', 'discard']", "profile = 'checked'", '[profiles.checked.checks.type]', '']
  const policyFile = (await files.write('policy.toml', Buffer.from(policy.join('\n')))).path
  const server = await startServer({ AUTH: 'api-key', POLICY_FILE: policyFile })
  try {
    const tab = await Tab.open(browser)
    const { page } = tab
    await page.goto(server.url)
    const input = page.getByLabel('API key or token')
    await input.fill(key)
    await input.press('Enter')
    await settled(page)
    const lie = await files.write('cat.jpg', Buffer.from('<!DOCTYPE html><script>alert(1)</script>'))
    await choose(page, lie)
    await rowOf(page, 'Drafts', lie.name).getByRole('button', { name: lie.name, exact: true }).click()
    const dialog = page.getByRole('dialog', { name: lie.name })
    await dialog.getByText('not checked yet').waitFor()
    const check = dialog.getByRole('button', { name: 'Check' })
    await check.click()
    await dialog.getByText('rejected', { exact: true }).waitFor()
    await dialog.getByText('Rejected by type').first().waitFor()
    await check.waitFor({ state: 'detached' })
    const confirm = dialog.getByRole('button', { name: 'Confirm' })
    assert.equal(await confirm.count(), 0)
    await assertAccessible(page)
    await page.keyboard.press('Escape')
    const row = rowOf(page, 'Drafts', lie.name)
    await row.getByRole('button', { name: lie.name, exact: true }).click()
    await dialog.getByText('Rejected by type').first().waitFor()
    assert.equal(await confirm.count(), 0)
    // The list does not know of checks, so that its button tells why.
    await page.keyboard.press('Escape')
    await row.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('alert').filter({ hasText: 'was not confirmed' }).filter({ hasText: 'type' }).waitFor()
    await tab.close(/401 \(Unauthorized\)/, /422 \(Unprocessable/)
  } finally {
    await server.stop()
  }
})
