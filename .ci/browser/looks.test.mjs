// Screenshots and WCAG checks of the console in every state, on desktop and phone, in light and dark mode.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, startBrowser } from './lib/browser.mjs'
import { assertAccessible, assertNoSidewaysScroll, choose, holdPartsAfter, openConsole, rowOf } from './lib/console.mjs'
import { Files, landscape } from './lib/files.mjs'
import { startServer } from './lib/server.mjs'

const MIB = 1024 * 1024

let browser
before(async () => {
  browser = await startBrowser()
})
after(() => browser?.close())

for (const [device, options] of [['desktop', { viewport: DESKTOP }], ['phone', { viewport: PHONE, hasTouch: true, isMobile: true }]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${device}, ${colorScheme}`, { timeout: 240_000 }, async (t) => {
      const files = await Files.make(t)
      const server = await startServer()
      try {
        // Without motion a screenshot does not depend on its time.
        const tab = await openConsole(browser, server, { ...options, colorScheme, reducedMotion: 'reduce' })
        const { page } = tab
        let number = 0
        const see = async (state, { fullPage = true } = {}) => {
          await assertNoSidewaysScroll(page)
          await assertAccessible(page)
          number += 1
          await tab.picture(`console-${device}-${colorScheme}-${number}-${state}`, { fullPage })
        }

        await see('empty')
        await fill(server)
        await page.getByRole('button', { name: 'Refresh' }).click()
        await rowOf(page, 'Drafts', 'portraits/ada.png').locator('.thumb img').waitFor()
        await page.getByRole('button', { name: 'Open folder covers/', exact: true }).click()
        const kept = rowOf(page, 'Confirmed', 'covers/autumn.png')
        await kept.scrollIntoViewIfNeeded()
        await kept.locator('.thumb img').waitFor()
        await page.evaluate(() => window.scrollTo(0, 0))
        await see('drafts')

        const gate = await holdPartsAfter(page, 2)
        const film = await files.noise('rough cut.mov', 40 * MIB)
        const photo = await files.write('evening.png', landscape(1200, 800, 0.6))
        await choose(page, film, photo)
        await gate.held
        await rowOf(page, 'Drafts', photo.name).waitFor()
        await see('uploading')
        await page.getByRole('button', { name: 'Pause', exact: true }).click()
        await page.getByText(/^Paused: /).waitFor()
        await see('paused')
        await gate.release()
        await page.getByRole('button', { name: 'Resume', exact: true }).click()
        await rowOf(page, 'Drafts', film.name).waitFor()
        await page.getByText('Complete', { exact: true }).waitFor()
        await see('uploaded')

        for (const [state, name, ready] of [
          ['picture', 'holiday/2026/lake at dawn.png', (dialog) => dialog.getByRole('img').evaluate((image) => image.decode())],
          ['text', 'release notes.md', (dialog) => dialog.locator('pre').waitFor()],
          ['other', 'backup.tar.gz', (dialog) => dialog.getByText('No preview for this kind of file.').waitFor()],
        ]) {
          await rowOf(page, 'Drafts', name).getByRole('button', { name, exact: true }).click()
          const dialog = page.getByRole('dialog', { name })
          await ready(dialog)
          await see(`preview-${state}`, { fullPage: false })
          await page.keyboard.press('Escape')
        }

        await page.getByRole('button', { name: 'Discard backup.tar.gz' }).click()
        await see('discard', { fullPage: false })
        await page.keyboard.press('Escape')
        await page.getByRole('button', { name: 'Confirm covers/autumn.png' }).click()
        await page.getByRole('dialog', { name: 'That name is taken' }).waitFor()
        await see('name-taken', { fullPage: false })
        await page.keyboard.press('Escape')

        await page.getByRole('button', { name: 'Confirm evening.png' }).click()
        await page.getByRole('status').filter({ hasText: 'evening.png' }).waitFor()
        await server.call('discard-draft', { object_name: 'release notes.md' })
        await page.getByRole('button', { name: 'Confirm release notes.md' }).click()
        await page.getByRole('alert').waitFor()
        await see('toasts', { fullPage: false })
        assert.ok(number >= 10)
        await tab.close(/status of 404/, /status of 409/)
      } finally {
        await server.stop()
      }
    })
  }
}

/** Creates drafts of several kinds and ages, and two confirmed objects. */
async function fill(server) {
  for (const [name, hue] of [['covers/autumn.png', 1.4], ['logo.png', 2.4]]) {
    await server.draft(name, landscape(900, 600, hue), { contentType: 'image/png' })
    await server.call('confirm-upload', { object_name: name })
  }
  const notes = '# Release notes\n\n- Uploads in parts go on after a reload.\n- Drafts show how long they have left.\n\n'.repeat(12)
  await server.draft('release notes.md', notes, { contentType: 'text/markdown' })
  await server.draft('interview, second take, with the long answer about the early years.mp3', Buffer.alloc(2_345_678), { contentType: 'audio/mpeg', unique: true, lifetime: 70_000 })
  await server.draft('holiday/2026/lake at dawn.png', landscape(1200, 800), { contentType: 'image/png', unique: true, lifetime: 40_000 })
  await server.draft('covers/autumn.png', landscape(900, 600, 0.9), { contentType: 'image/png', unique: true, lifetime: 20_000 })
  await server.draft('backup.tar.gz', Buffer.alloc(3_400_000), { unique: true, lifetime: 5_000 })
  await server.draft('portraits/ada.png', landscape(600, 800, 2), { contentType: 'image/png', unique: true, lifetime: 580 })
}
