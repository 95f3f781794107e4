// End-to-end tests of the console with a real server, a real store, and Chromium.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startBrowser, Tab } from './lib/browser.mjs'
import { assertAccessible, assertNoSidewaysScroll, choose, holdNextAnswer, holdPartsAfter, openConsole, PartsSent, rowOf, settled } from './lib/console.mjs'
import { Files, landscape } from './lib/files.mjs'
import { startServer } from './lib/server.mjs'

const MIB = 1024 * 1024

/** The part size of uploads.js. */
const PART_SIZE = 8 * MIB

/** The server sweeps and counts by itself on the first of January. */
const NO_SWEEPS = { CLEANUP_SCHEDULE: '0 0 0 1 1 *' }

let browser
before(async () => {
  browser = await startBrowser()
})
after(() => browser?.close())

/** Defines a test with its own server, which has these additional variables, and directory of files. */
function check(name, run, variables) {
  test(name, { timeout: 240_000 }, async (t) => {
    const files = await Files.make(t)
    const server = await startServer(variables)
    try {
      await run({ files, server })
    } finally {
      await server.stop()
    }
  })
}

check('a small file is uploaded, previewed and confirmed', async ({ files, server }) => {
  const picture = await files.write('lake at dawn, été 1+1.png', landscape(640, 480))
  const tab = await openConsole(browser, server)
  const { page } = tab
  await choose(page, picture)
  const row = rowOf(page, 'Drafts', picture.name)
  await row.waitFor()
  await row.locator('.thumb img').waitFor()
  assert.match(await row.locator('.left').textContent(), /^23 h 59 min left$/)

  await row.getByRole('button', { name: picture.name, exact: true }).click()
  const dialog = page.getByRole('dialog', { name: picture.name })
  const shown = await dialog.getByRole('img').evaluate(async (image) => {
    await image.decode()
    return [image.naturalWidth, image.naturalHeight]
  })
  assert.deepEqual(shown, [640, 480])
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await dialog.waitFor({ state: 'detached' })

  await page.getByRole('status').filter({ hasText: `Confirmed: main/${picture.name}` }).waitFor()
  await row.waitFor({ state: 'detached' })
  await rowOf(page, 'Confirmed', picture.name).waitFor()
  assert.equal(await server.confirmedSha256(picture.name), picture.sha256)
  await server.noDraftIsLeft()
  await tab.close()
})

check('a large upload resumes after a reload without sending parts again', async ({ files, server }) => {
  const film = await files.noise('film.bin', 60 * MIB + 12345)
  const count = Math.ceil(film.size / PART_SIZE)
  const tab = await openConsole(browser, server)
  const { page } = tab
  const sent = new PartsSent(page)
  const gate = await holdPartsAfter(page, 3)
  await choose(page, film)
  await gate.held
  await keptByTheBrowser(page)
  assert.deepEqual(sent.numbers, [1, 2, 3])

  await page.reload()
  await gate.release()
  await settled(page)
  const row = rowOf(page, 'Drafts', film.name)
  await row.waitFor({ timeout: 120_000 })
  const all = Array.from({ length: count }, (_, index) => index + 1)
  assert.deepEqual(sent.numbers, all)

  await row.getByRole('button', { name: `Confirm ${film.name}` }).click()
  await rowOf(page, 'Confirmed', film.name).waitFor()
  assert.equal(await server.confirmedSha256(film.name), film.sha256)
  await tab.close()
})

check('a paused upload stays paused after a reload until it is resumed', async ({ files, server }) => {
  const film = await files.noise('pause.bin', 3 * PART_SIZE)
  const tab = await openConsole(browser, server)
  const { page } = tab
  const sent = new PartsSent(page)
  const gate = await holdPartsAfter(page, 1)
  await choose(page, film)
  await gate.held
  await page.getByRole('button', { name: 'Pause', exact: true }).click()
  await page.getByText(/^Paused: /).waitFor()
  await keptByTheBrowser(page, '"isPaused":true')
  await gate.release()
  await page.reload()
  await settled(page)
  await page.getByText('Not finished yet').waitFor()
  assert.deepEqual(sent.numbers, [1])
  await page.getByRole('button', { name: 'Upload 1 file' }).click()
  await rowOf(page, 'Drafts', film.name).waitFor()
  assert.deepEqual(sent.numbers, [1, 2, 3])
  await tab.close()
})

check('an upload that ended right before a reload is not unfinished', async ({ files, server }) => {
  const film = await files.noise('film.bin', 2 * PART_SIZE)
  const tab = await openConsole(browser, server)
  const { page } = tab
  const gate = await holdPartsAfter(page, 1)
  await choose(page, film)
  await gate.held
  await keptByTheBrowser(page)
  // From now on, the browser stores no state.
  await page.evaluate(() => {
    IDBObjectStore.prototype.put = function () {
      return this.count()
    }
  })
  await gate.release()
  await rowOf(page, 'Drafts', film.name).waitFor()
  await page.reload()
  await settled(page)
  await page.getByText('Drop files here').waitFor()
  assert.equal(await page.getByText('Not finished yet').count(), 0)
  await tab.close()
})

check('a second tab does not touch the uploads of the first', async ({ files, server }) => {
  const film = await files.noise('film.bin', 2 * PART_SIZE)
  const first = await openConsole(browser, server)
  const gate = await holdPartsAfter(first.page, 1)
  await choose(first.page, film)
  await gate.held
  await keptByTheBrowser(first.page)

  const second = await first.context.newPage()
  const sent = new PartsSent(second)
  await second.goto(server.url)
  await settled(second)
  await second.getByText('Drop files here').waitFor()
  await gate.release()
  await rowOf(first.page, 'Drafts', film.name).waitFor()
  assert.deepEqual(sent.numbers, [])
  await first.close()
})

check('a second tab resumes the unfinished uploads of a closed tab', async ({ files, server }) => {
  const film = await files.noise('film.bin', 2 * PART_SIZE)
  const first = await openConsole(browser, server)
  const gate = await holdPartsAfter(first.page, 1)
  await choose(first.page, film)
  await gate.held
  await keptByTheBrowser(first.page)

  const second = await first.context.newPage()
  const sent = new PartsSent(second)
  await second.goto(server.url)
  await settled(second)
  await second.getByText('Drop files here').waitFor()
  assert.deepEqual(sent.numbers, [])
  await first.page.close()
  await rowOf(second, 'Drafts', film.name).waitFor()
  assert.deepEqual(sent.numbers, [2])
  await first.close()
})

check('several files can be dropped anywhere on the page', async ({ server }) => {
  const tab = await openConsole(browser, server)
  const { page } = tab
  await page.locator('#uppy .uppy-Dashboard').waitFor()
  const drop = async (target, ...names) => {
    const dropped = await page.evaluateHandle((names) => {
      const data = new DataTransfer()
      for (const name of names) data.items.add(new File([`content of ${name}`], name, { type: 'text/plain' }))
      return data
    }, names)
    await page.dispatchEvent(target, 'drop', { dataTransfer: dropped })
    for (const name of names) await rowOf(page, 'Drafts', name).waitFor()
  }
  await drop('#uppy .uppy-Dashboard', 'one.txt', 'two.txt')
  await drop('#objects-list', 'three.txt', 'four.txt')
  assert.equal((await server.drafts()).length, 4)
  await tab.close()
})

check('uploaded content is shown and never executed', async ({ server }) => {
  const script = '<script>window.ran = true; alert(1)</script>'
  await server.draft('evil.html', `<h1>hi</h1>${script}<img src=x onerror="alert(2)">`, { contentType: 'text/html' })
  await server.draft('evil.svg', `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">${script.replace('script>', 'script><![CDATA[').replace('</', ']]></')}<rect width="40" height="30" fill="red"/></svg>`, { contentType: 'image/svg+xml' })
  await server.draft('<img src=x onerror=alert(3)>.txt', 'a name is text', { contentType: 'text/plain' })
  const tab = await openConsole(browser, server)
  const { page } = tab
  page.on('dialog', (dialog) => {
    tab.troubles.push(`an upload ran: ${dialog.message()}`)
    return dialog.dismiss()
  })
  await look(page, 'evil.html', async (dialog) => {
    await dialog.getByText('<h1>hi</h1>').waitFor()
    assert.equal(await dialog.getByRole('link', { name: 'Open' }).count(), 0)
  })
  await look(page, 'evil.svg', async (dialog) => {
    const width = await dialog.getByRole('img').evaluate((image) => image.decode().then(() => image.naturalWidth))
    assert.equal(width, 40)
  })
  await look(page, '<img src=x onerror=alert(3)>.txt', (dialog) => dialog.getByText('a name is text').waitFor())
  assert.equal(await page.evaluate(() => window.ran), undefined)
  await tab.close()
})

check('every kind of file has a preview or a message that there is none', async ({ server }) => {
  const long = 'line\n'.repeat(40_000)
  await server.draft('a/empty.txt', '', { contentType: 'text/plain' })
  await server.draft('a/long.log', long, { contentType: 'text/plain', unique: true })
  await server.draft('a/report.pdf', '%PDF-1.4\n', { contentType: 'application/pdf' })
  await server.draft('a/broken.png', 'no picture at all', { contentType: 'image/png' })
  await server.draft('a/broken.mp4', 'no film at all', { contentType: 'video/mp4' })
  await server.draft('a/binary.txt', Buffer.from([1, 2, 0, 3]), { contentType: 'text/plain' })
  await server.draft('a/data.bin', 'x')
  const tab = await openConsole(browser, server)
  const { page } = tab
  await look(page, 'a/empty.txt', (dialog) => dialog.getByText('This file is empty.').waitFor())
  await look(page, 'a/long.log', async (dialog) => {
    await dialog.getByText('The first 128 KB of 195 KB.').waitFor()
    assert.equal((await dialog.locator('pre').textContent()).length, 128 * 1024)
  })
  await look(page, 'a/report.pdf', async (dialog) => {
    await dialog.getByText('Open the file to view it.').waitFor()
    assert.equal(await dialog.getByRole('link', { name: 'Open' }).getAttribute('rel'), 'noopener noreferrer')
  })
  for (const name of ['a/broken.png', 'a/broken.mp4', 'a/binary.txt']) {
    await look(page, name, (dialog) => dialog.getByText('This file cannot be shown here.').waitFor())
  }
  await look(page, 'a/data.bin', (dialog) => dialog.getByText('No preview for this kind of file.').waitFor())
  await tab.close()
})

check('discarding a draft requires confirmation', async ({ server }) => {
  await server.draft('unwanted.txt', 'x', { contentType: 'text/plain' })
  const tab = await openConsole(browser, server)
  const { page } = tab
  const row = rowOf(page, 'Drafts', 'unwanted.txt')
  const dialog = page.getByRole('dialog', { name: 'Discard this draft?' })
  for (const leave of [() => page.keyboard.press('Escape'), () => dialog.getByRole('button', { name: 'Keep it' }).click()]) {
    await row.getByRole('button', { name: 'Discard unwanted.txt' }).click()
    await dialog.waitFor()
    await leave()
    await dialog.waitFor({ state: 'detached' })
    assert.equal((await server.drafts()).length, 1)
  }
  await row.getByRole('button', { name: 'Discard unwanted.txt' }).click()
  await dialog.getByRole('button', { name: 'Discard' }).click()
  await row.waitFor({ state: 'detached' })
  assert.deepEqual(await server.drafts(), [])
  await page.getByText('No drafts', { exact: true }).waitFor()
  await tab.close()
})

check('a name in use can be changed, or the object replaced', async ({ server }) => {
  await server.draft('taken.txt', 'first', { contentType: 'text/plain' })
  await server.call('confirm-upload', { object_name: 'taken.txt' })
  await server.draft('taken.txt', 'second', { contentType: 'text/plain', unique: true })
  const tab = await openConsole(browser, server)
  const { page } = tab
  const confirm = () => rowOf(page, 'Drafts', 'taken.txt').getByRole('button', { name: 'Confirm taken.txt' }).click()
  const dialog = page.getByRole('dialog', { name: 'That name is taken' })
  await confirm()
  const name = dialog.getByLabel('Keep this one as')
  assert.equal(await name.inputValue(), 'taken-2.txt')
  await name.fill('taken.txt')
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await dialog.getByRole('alert').filter({ hasText: /\w/ }).waitFor()
  await name.fill('/not/a/name')
  await dialog.getByRole('button', { name: 'Confirm' }).click()
  await dialog.getByRole('alert').filter({ hasText: '/' }).waitFor()
  await name.fill('kept beside.txt')
  await name.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await rowOf(page, 'Confirmed', 'kept beside.txt').waitFor()

  await server.draft('taken.txt', 'third', { contentType: 'text/plain', unique: true })
  await page.getByRole('button', { name: 'Refresh' }).click()
  await confirm()
  await dialog.getByRole('button', { name: 'Replace the other' }).click()
  await rowOf(page, 'Drafts', 'taken.txt').waitFor({ state: 'detached' })
  const issued = await server.call('download-url', { object_name: 'taken.txt', stage: 'STAGE_MAIN' })
  assert.equal(await (await fetch(issued.download_url)).text(), 'third')
  await tab.close(/status of 409/, /status of 400/)
})

check('errors of the server are shown with its message', async ({ server }) => {
  await server.draft('gone.txt', 'x', { contentType: 'text/plain' })
  const tab = await openConsole(browser, server)
  const { page } = tab
  await server.call('discard-draft', { object_name: 'gone.txt' })
  await rowOf(page, 'Drafts', 'gone.txt').getByRole('button', { name: 'Confirm gone.txt' }).click()
  const toast = page.getByRole('alert').filter({ hasText: 'gone.txt was not confirmed' })
  await toast.waitFor()
  await toast.getByRole('button', { name: 'Close notification' }).click()
  await toast.waitFor({ state: 'detached' })
  await rowOf(page, 'Drafts', 'gone.txt').waitFor({ state: 'detached' })
  await tab.close(/status of 404/)
})

check('a newer version of a draft is not confirmed instead of the listed one', async ({ server }) => {
  await server.draft('swapped.txt', 'what was seen', { contentType: 'text/plain' })
  const tab = await openConsole(browser, server)
  const { page } = tab
  await server.draft('swapped.txt', 'what came later', { contentType: 'text/plain' })
  await rowOf(page, 'Drafts', 'swapped.txt').getByRole('button', { name: 'Confirm swapped.txt' }).click()
  await page.getByRole('alert').filter({ hasText: 'swapped.txt was not confirmed' }).waitFor()
  const listed = await server.call('list-objects', { prefix: 'swapped' })
  assert.equal((listed.objects ?? []).length, 0)
  await tab.close(/status of 412/)
})

check('a double click, or a key that is held down, acts once', async ({ server }) => {
  const names = ['1.txt', '2.txt', '3.txt', '4.txt']
  for (const name of names) await server.draft(name, name, { contentType: 'text/plain' })
  const tab = await openConsole(browser, server)
  const { page } = tab
  const confirmed = async () => ((await server.call('list-objects')).objects ?? []).map(({ object_name }) => object_name)
  const shown = page.getByRole('list', { name: 'Drafts' }).locator('.row')

  const first = await shown.first().locator('.name').textContent()
  await shown.first().getByRole('button', { name: 'Confirm' }).dblclick()
  await rowOf(page, 'Drafts', first).waitFor({ state: 'detached' })
  assert.deepEqual(await confirmed(), [first])

  const second = await shown.first().locator('.name').textContent()
  await shown.first().locator('.name').click()
  await page.getByRole('dialog', { name: second }).getByRole('button', { name: 'Confirm' }).dblclick()
  await rowOf(page, 'Drafts', second).waitFor({ state: 'detached' })
  assert.deepEqual(await confirmed(), [first, second].sort())
  assert.equal(await page.getByRole('status').filter({ hasText: `Confirmed: main/${second}` }).count(), 1)

  const third = await shown.first().locator('.name').textContent()
  await shown.first().getByRole('button', { name: 'Confirm' }).focus()
  await page.keyboard.down('Enter')
  await rowOf(page, 'Confirmed', third).waitFor()
  // Every further press of a key that is down is a repetition.
  for (let times = 0; times < 5; times += 1) await page.keyboard.down('Enter')
  await page.keyboard.up('Enter')
  await rowOf(page, 'Drafts', third).waitFor({ state: 'detached' })
  assert.equal(await page.getByRole('dialog').count(), 0)
  assert.deepEqual(await confirmed(), [first, second, third].sort())
  await tab.close()
})

check('a newer version of a draft is not discarded instead of the listed one', async ({ server }) => {
  await server.draft('swapped.txt', 'what was seen', { contentType: 'text/plain' })
  const tab = await openConsole(browser, server)
  const { page } = tab
  await server.draft('swapped.txt', 'what came later', { contentType: 'text/plain' })
  await rowOf(page, 'Drafts', 'swapped.txt').getByRole('button', { name: 'Discard swapped.txt' }).click()
  await page.getByRole('dialog', { name: 'Discard this draft?' }).getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('alert').filter({ hasText: 'swapped.txt was not discarded' }).waitFor()
  assert.equal((await server.drafts()).length, 1)
  await tab.close()
})

check('a new upload is first in a long list', async ({ files, server }) => {
  for (let index = 0; index < 120; index += 1) await server.draft(`a/${index}`, 'x')
  // Times are in whole seconds.
  await delay(1000)
  const tab = await openConsole(browser, server)
  const { page } = tab
  const note = await files.write('zebra.txt', Buffer.from('last by name, newest by time'))
  await choose(page, note)
  await rowOf(page, 'Drafts', note.name).waitFor()
  const shown = page.getByRole('list', { name: 'Drafts' }).locator('.row')
  assert.equal(await shown.first().locator('.name').textContent(), note.name)
  assert.equal(await shown.count(), 100)
  assert.equal(await page.locator('#drafts-count').textContent(), '121')
  await tab.close()
})

check('the page of a ticket offers uploads, and says why a file is refused', async ({ files, server }) => {
  const { path } = await server.call('tickets', { prefix: 'users/42/', content_types: ['image/*'] })
  await server.draft('users/41/other.txt', 'x')
  const tab = await Tab.open(browser)
  const { page } = tab
  await page.goto(`${server.url}${path}/`)
  await page.getByRole('list', { name: 'Drafts' }).and(page.locator(':not([aria-busy])')).waitFor()
  const picture = await files.write('photo.png', landscape(64, 48))
  await choose(page, picture)
  const row = page.getByRole('listitem').filter({ hasText: 'users/42/photo.png' })
  await row.waitFor()
  assert.equal(await row.getByRole('button').count(), 0)
  assert.equal(await page.getByRole('list', { name: 'Confirmed' }).count(), 0)
  assert.equal(await page.getByRole('alert').count(), 0)

  await tab.close()

  const note = await files.write('note.txt', Buffer.from('no image'))
  const refused = await Tab.open(browser)
  await refused.page.goto(`${server.url}${path}/`)
  await choose(refused.page, note)
  const alert = refused.page.getByRole('alert').filter({ hasText: 'note.txt was not uploaded' })
  await alert.filter({ hasText: /Type must be/ }).waitFor()
  assert.doesNotMatch(await alert.textContent(), /Companion/)
  await refused.close(/status of 400/, /\[Uppy\].*[Tt]ype must be/)

  const any = await server.call('tickets', {})
  const other = await Tab.open(browser)
  await other.page.goto(`${server.url}${any.path}/`)
  await other.page.locator('#drafts').waitFor({ state: 'hidden' })
  assert.equal(await other.page.getByRole('alert').count(), 0)
  await other.close(/status of 403/)
})

check('a late list response does not replace a newer one', async ({ server }) => {
  const tab = await openConsole(browser, server)
  const { page } = tab
  const refresh = page.getByRole('button', { name: 'Refresh' })
  await server.draft('first.txt', 'x')
  const late = await holdNextAnswer(page, '**/api/v1/list-drafts')
  await refresh.click()
  await late.held
  await server.draft('second.txt', 'x')
  await refresh.click()
  const row = rowOf(page, 'Drafts', 'second.txt')
  await row.waitFor()
  await late.release()
  assert.equal(await row.count(), 1)
  await tab.close()
})

check('the remaining time counts down', async ({ server }) => {
  await server.draft('soon.txt', 'x', { unique: true, lifetime: 300 })
  const tab = await openConsole(browser, server)
  const left = rowOf(tab.page, 'Drafts', 'soon.txt').locator('.left.soon')
  const first = await left.textContent()
  assert.match(first, /^4 min \d+ s left$/)
  await left.filter({ hasNotText: first }).waitFor()
  await tab.close()
})

check('long lists are paged, and confirmed objects are found by prefix', async ({ server }) => {
  const names = Array.from({ length: 105 }, (_, index) => `page/${String(index).padStart(3, '0')}.txt`)
  for (const name of names) await server.draft(name, 'x')
  const tab = await openConsole(browser, server)
  const { page } = tab
  const drafts = page.getByRole('list', { name: 'Drafts' }).locator('.row')
  assert.equal(await drafts.count(), 100)
  await page.getByRole('button', { name: 'Show more' }).click()
  await drafts.nth(104).waitFor()
  assert.equal(await page.locator('#drafts-count').textContent(), '105')

  await server.call('confirm-uploads', { uploads: names.slice(0, 60).map((object_name) => ({ object_name })) })
  await page.getByRole('button', { name: 'Refresh' }).click()
  const objects = page.getByRole('list', { name: 'Confirmed' }).locator('.row')
  const search = page.getByRole('searchbox', { name: 'Names that begin with' })
  await search.fill('page/00')
  await page.locator('#objects-count').filter({ hasText: /^10$/ }).waitFor()
  await search.fill('page/')
  await page.locator('#objects-count').filter({ hasText: '50+' }).waitFor()
  await page.getByRole('list', { name: 'Confirmed' }).getByRole('button', { name: 'Show more' }).click()
  await objects.nth(59).waitFor()
  await search.fill('nothing begins so')
  await page.getByText('No matches', { exact: true }).waitFor()
  await tab.close()
})

check('a folder of confirmed objects is opened, and an object in it is described and deleted', async ({ server }) => {
  for (const name of ['top.txt', 'trips/2026/alps.txt', 'trips/2026/lake.txt', 'trips/plan.txt']) {
    await server.draft(name, 'x', { contentType: 'text/plain' })
    await server.call('confirm-upload', {
      object_name: name,
      storage_options: { tags: { season: 'summer' }, storage_class: 'STANDARD_IA' },
    })
  }
  const tab = await openConsole(browser, server)
  const { page } = tab
  const list = page.getByRole('list', { name: 'Confirmed' })
  await rowOf(page, 'Confirmed', 'top.txt').waitFor()
  assert.equal(await page.locator('#objects-count').textContent(), '2')
  await list.getByRole('button', { name: 'Open folder trips/', exact: true }).click()
  await rowOf(page, 'Confirmed', 'trips/plan.txt').waitFor()
  await rowOf(page, 'Confirmed', 'top.txt').waitFor({ state: 'detached' })
  await list.getByRole('button', { name: 'Open folder trips/2026/', exact: true }).click()
  const row = rowOf(page, 'Confirmed', 'trips/2026/lake.txt')
  await row.waitFor()

  await row.getByRole('button', { name: 'trips/2026/lake.txt', exact: true }).click()
  const dialog = page.getByRole('dialog', { name: 'trips/2026/lake.txt' })
  const details = await dialog.locator('.details').textContent()
  for (const fact of ['text/plain', 'STANDARD_IA', 'Tag season', 'summer']) assert.ok(details.includes(fact), details)
  // The main bucket has no versioning, so that nothing can be restored.
  assert.equal(await dialog.getByRole('button', { name: 'Versions' }).count(), 0)
  await assertAccessible(page)
  const ask = page.getByRole('dialog', { name: 'Delete this file?' })
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await ask.getByText('This cannot be undone').waitFor()
  await ask.getByRole('button', { name: 'Keep it' }).click()
  await ask.waitFor({ state: 'detached' })
  assert.equal((await server.call('list-objects')).objects.length, 4)
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await ask.getByRole('button', { name: 'Delete' }).click()
  await row.waitFor({ state: 'detached' })
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('status').filter({ hasText: 'Deleted trips/2026/lake.txt' }).waitFor()
  assert.equal((await server.call('list-objects')).objects.length, 3)

  await list.getByRole('button', { name: 'Back to folder trips/', exact: true }).click()
  await list.getByRole('button', { name: 'Back to all folders', exact: true }).click()
  await rowOf(page, 'Confirmed', 'top.txt').waitFor()
  await tab.close()
})

check('a delete is undone, and an older version is restored', async ({ server }) => {
  await server.keepVersions()
  await restores(server)
})

test('a delete is undone, and an older copy is restored, without versions', { timeout: 240_000 }, async () => {
  const server = await startServer({ KEEP_REPLACED: 'true' })
  try {
    await restores(server)
  } finally {
    await server.stop()
  }
})

/** Replaces an object, deletes and undeletes it, and restores what was replaced. */
async function restores(server) {
  for (const text of ['first', 'second, and longer']) {
    await server.draft('note.txt', text)
    await server.call('confirm-upload', { object_name: 'note.txt', overwrite: true })
  }
  const tab = await openConsole(browser, server)
  const { page } = tab
  const row = rowOf(page, 'Confirmed', 'note.txt')
  const openNote = async () => {
    await row.getByRole('button', { name: 'note.txt', exact: true }).click()
    return page.getByRole('dialog', { name: 'note.txt', exact: true })
  }
  let dialog = await openNote()
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog', { name: 'Delete this file?' }).getByRole('button', { name: 'Delete' }).click()
  await row.waitFor({ state: 'detached' })
  await page.getByRole('status').getByRole('button', { name: 'Undo' }).click()
  await row.filter({ hasText: '18 bytes' }).waitFor()

  dialog = await openNote()
  await dialog.getByRole('button', { name: 'Versions' }).click()
  const versions = page.getByRole('dialog', { name: 'Versions of note.txt' })
  await versions.getByRole('listitem').filter({ hasText: '5 bytes' }).getByRole('button').click()
  await dialog.waitFor({ state: 'detached' })
  await row.filter({ hasText: '5 bytes' }).waitFor()
  await tab.close()
}

check('the usage is shown by tenant, stage and storage class', async ({ server }) => {
  const tab = await openConsole(browser, server)
  const { page } = tab
  const dialog = page.getByRole('dialog', { name: 'Usage' })
  const openUsage = async () => {
    await page.getByRole('button', { name: 'Usage' }).click()
    await dialog.waitFor()
  }
  await openUsage()
  await dialog.getByText('Nothing has been counted yet').waitFor()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await dialog.waitFor({ state: 'detached' })

  for (const name of ['t1/a.txt', 't1/b.txt', 't2/c.txt']) {
    await server.draft(name, 'bytes')
    if (name !== 't2/c.txt') await server.call('confirm-upload', { object_name: name, storage_options: { storage_class: 'STANDARD_IA' } })
  }
  await server.noDraftIsLeft('t1/')
  await server.sweep()
  await openUsage()
  await dialog.getByText('Counted just now').waitFor()
  const rows = await dialog.getByRole('row').evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)))
  assert.deepEqual(rows, [
    ['Tenant', 'Stage', 'Storage class', 'Objects', 'Size'],
    ['t1', 'Main', 'STANDARD_IA', '2', '10 bytes'],
    ['t2', 'Draft', 'STANDARD', '1', '5 bytes'],
    ['Together', '3', '15 bytes'],
  ])
  await assertAccessible(page)
  await page.setViewportSize({ width: 360, height: 640 })
  await assertNoSidewaysScroll(page)
  await tab.picture('console-usage')
  await tab.close(/status of 404/)
}, NO_SWEEPS)

check('every action works with the keyboard', async ({ files, server }) => {
  const note = await files.write('by keyboard.txt', Buffer.from('typed'))
  const other = await files.write('unwanted.txt', Buffer.from('typed too'))
  const tab = await openConsole(browser, server)
  const { page } = tab
  const { keyboard } = page
  await keyboard.press('Tab')
  await focused(page, 'Skip to drafts')
  // Playwright starts to listen with a delay, so that an immediate event would be missed.
  const chooser = page.waitForEvent('filechooser')
  await tabTo(page, 'browse files')
  await keyboard.press('Enter')
  await (await chooser).setFiles([note.path, other.path])
  await rowOf(page, 'Drafts', note.name).waitFor()
  await rowOf(page, 'Drafts', other.name).waitFor()

  await tabTo(page, note.name)
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none')
  await keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: note.name })
  await dialog.waitFor()
  for (let step = 0; step < 12; step += 1) {
    await keyboard.press('Tab')
    const inside = await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest('dialog') !== null)
    assert.ok(inside, 'focus has left the dialog')
  }
  await keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await focused(page, note.name)

  await tabTo(page, `Confirm ${note.name}`)
  await keyboard.press('Enter')
  await rowOf(page, 'Confirmed', note.name).waitFor()
  assert.equal(await server.confirmedSha256(note.name), note.sha256)
  await focused(page, other.name)

  await tabTo(page, `Discard ${other.name}`)
  await keyboard.press('Enter')
  await focused(page, 'Keep it')
  await tabTo(page, 'Discard')
  await keyboard.press('Enter')
  await rowOf(page, 'Drafts', other.name).waitFor({ state: 'detached' })
  assert.deepEqual(await server.drafts(), [])
  await focused(page, 'Drafts')
  await tab.close()
})

check('a narrow page never scrolls horizontally', async ({ server }) => {
  await server.draft(`${'unbroken'.repeat(40)}.txt`, 'x'.repeat(5000), { contentType: 'text/plain' })
  for (const width of [320, 360, 390]) {
    const tab = await openConsole(browser, server, { viewport: { width, height: 760 }, hasTouch: true })
    const { page } = tab
    await assertNoSidewaysScroll(page)
    await look(page, `${'unbroken'.repeat(40)}.txt`, async (dialog) => {
      await dialog.locator('pre').waitFor()
      await assertNoSidewaysScroll(page)
      const [wanted, room] = await dialog.locator('.dialog-body').evaluate((body) => [body.scrollWidth, body.clientWidth])
      assert.ok(wanted <= room, `the dialog's content is ${wanted} px wide at ${width}`)
    })
    await tab.close()
  }
})

check('reduced motion disables all animations', async ({ server }) => {
  await server.draft('still.txt', 'x', { contentType: 'text/plain' })
  const tab = await openConsole(browser, server, { reducedMotion: 'reduce' })
  await look(tab.page, 'still.txt', async (dialog) => {
    assert.equal(await dialog.evaluate((element) => getComputedStyle(element).animationDuration), '0.001s')
  })
  await tab.close()
})

/** Waits until the browser has stored a copy of the file, and Uppy's state of its upload including `known`. */
async function keptByTheBrowser(page, known = '"uploadId":') {
  const isKept = (known) => new Promise((resolve) => {
    const opened = indexedDB.open('uppy-blobs')
    opened.onerror = () => resolve(false)
    opened.onsuccess = () => {
      const db = opened.result
      const stores = ['files', 'metadata']
      if (!stores.every((name) => db.objectStoreNames.contains(name))) {
        db.close()
        resolve(false)
        return
      }
      const transaction = db.transaction(stores)
      const [files, metadata] = stores.map((name) => transaction.objectStore(name).getAll())
      transaction.oncomplete = () => {
        db.close()
        resolve(files.result.length > 0 && metadata.result.some(({ metadata }) => metadata.includes(known)))
      }
    }
  })
  await page.waitForFunction(isKept, known, { polling: 100 })
}

/** Opens the preview of a draft, runs `see` on it, and closes it. */
async function look(page, name, see) {
  await rowOf(page, 'Drafts', name).getByRole('button', { name, exact: true }).click()
  const dialog = page.getByRole('dialog', { name })
  await dialog.waitFor()
  await see(dialog)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
}

/** Presses Tab until the element with this name has the focus. */
async function tabTo(page, name) {
  const seen = []
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab')
    const here = await focusedName(page)
    if (here === name) return
    seen.push(here)
  }
  assert.fail(`Tab never reaches ${name}, only ${seen.join(', ')}`)
}

/** Waits until the element with this name has the focus. */
async function focused(page, name) {
  const reads = ({ activeElement }, name) => (activeElement.getAttribute('aria-label') ?? activeElement.textContent.trim()) === name
  await page.waitForFunction(`(${reads})(document, ${JSON.stringify(name)})`).catch(() => {})
  assert.equal(await focusedName(page), name)
}

function focusedName(page) {
  return page.evaluate(() => {
    const { activeElement } = document
    return activeElement.getAttribute('aria-label') ?? activeElement.textContent.trim()
  })
}
