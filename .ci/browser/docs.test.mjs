// Tests of the API page: its layout on desktop and phone, in light and dark mode, and its keyboard navigation.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DESKTOP, PHONE, Tab, startBrowser } from './lib/browser.mjs'
import { assertAccessible, assertNoSidewaysScroll, openConsole } from './lib/console.mjs'
import { startServer } from './lib/server.mjs'

let browser
let server
before(async () => {
  browser = await startBrowser()
  server = await startServer()
})
after(async () => {
  await browser?.close()
  await server?.stop()
})

for (const [device, options] of [['desktop', { viewport: DESKTOP }], ['phone', { viewport: PHONE, hasTouch: true, isMobile: true }]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${device}, ${colorScheme}`, { timeout: 120_000 }, async () => {
      const tab = await Tab.open(browser, { ...options, colorScheme, reducedMotion: 'reduce' })
      const { page } = tab
      for (const [place, hash] of [['top', ''], ['call', '#ConfirmUpload'], ['messages', '#messages']]) {
        await page.goto(`${server.url}/docs${hash}`)
        await assertNoSidewaysScroll(page)
        await tab.picture(`docs-${device}-${colorScheme}-${place}`)
      }
      await assertAccessible(page)
      await tab.close()
    })
  }
}

test('a link scrolls to its call below the bar', { timeout: 60_000 }, async () => {
  const tab = await Tab.open(browser)
  const { page } = tab
  await page.goto(`${server.url}/docs`)
  await page.getByRole('navigation').getByRole('link', { name: 'CompleteMultipartUpload', exact: true }).click()
  const heading = page.getByRole('heading', { name: 'CompleteMultipartUpload', exact: true })
  const bar = await page.getByRole('banner').boundingBox()
  const box = await heading.boundingBox()
  assert.ok(box.y >= bar.y + bar.height && box.y < DESKTOP.height, JSON.stringify(box))
  assert.equal(new URL(page.url()).hash, '#CompleteMultipartUpload')
  await tab.close()
})

test('the skip link skips the bar', { timeout: 60_000 }, async () => {
  const tab = await Tab.open(browser)
  const { page } = tab
  await page.goto(`${server.url}/docs`)
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the calls')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement.id === 'top')
  await tab.close()
})

test('the console and the page link to each other', { timeout: 60_000 }, async () => {
  const tab = await openConsole(browser, server)
  const { page } = tab
  await page.getByRole('link', { name: 'API' }).click()
  await page.getByRole('heading', { name: 'API', exact: true }).waitFor()
  await page.getByRole('link', { name: 'Console' }).click()
  await page.getByRole('heading', { name: 'Drafts' }).waitFor()
  await tab.close()
})
