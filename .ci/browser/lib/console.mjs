// Helpers for tests of the console.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { Tab } from './browser.mjs'
import { fileOf } from './modules.mjs'

/** Opens the console of a server and waits for its lists. */
export async function openConsole(browser, server, options) {
  const tab = await Tab.open(browser, options)
  await tab.page.goto(server.url)
  await settled(tab.page)
  return tab
}

/** Waits until both lists are loaded. */
export async function settled(page) {
  for (const list of ['Drafts', 'Confirmed']) {
    await page.getByRole('list', { name: list }).and(page.locator(':not([aria-busy])')).waitFor()
  }
}

/** Returns the row of a draft or a confirmed object. */
export function rowOf(page, list, name) {
  return page.getByRole('list', { name: list }).getByRole('listitem').filter({ has: page.getByRole('button', { name, exact: true }) })
}

/** Adds files to the Dashboard like its file dialog. */
export async function choose(page, ...files) {
  await page.locator('input.uppy-Dashboard-input').first().setInputFiles(files.map(({ path }) => path))
}

/** Asserts that the page does not scroll horizontally. */
export async function assertNoSidewaysScroll(page) {
  const [wanted, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth])
  assert.ok(wanted <= room, `the page is ${wanted} px wide, its window ${room}`)
}

/** Asserts that the page passes the automatic WCAG checks. */
export async function assertAccessible(page) {
  // Evaluated by the debugger, which the page's policy does not restrict.
  await page.evaluate(await readFile(fileOf('axe-core/axe.min.js'), 'utf8'))
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join('\n')}`)
  assert.deepEqual(found, [])
}

/** Records the part numbers sent to the store, including repetitions, in order. */
export class PartsSent {
  numbers = []

  constructor(page) {
    page.on('requestfinished', (request) => {
      const number = partNumber(request)
      if (number) this.numbers.push(number)
    })
  }
}

/** Returns the part number that a request uploads, or undefined for other requests. */
export function partNumber(request) {
  if (request.method() !== 'PUT') return undefined
  const number = new URL(request.url()).searchParams.get('partNumber')
  return number === null ? undefined : Number(number)
}

/**
 * Holds every part after the first `count` until `release` is called. `held` resolves when one is held.
 */
export async function holdPartsAfter(page, count) {
  let release
  const released = new Promise((resolve) => {
    release = resolve
  })
  let seen
  const held = new Promise((resolve) => {
    seen = resolve
  })
  const matches = (url) => Number(url.searchParams.get('partNumber')) > count
  const hold = async (route) => {
    if (route.request().method() === 'PUT') {
      seen()
      await released
    }
    // The page may have been closed meanwhile.
    await route.continue().catch(() => {})
  }
  await page.route(matches, hold)
  return {
    held,
    release: async () => {
      release()
      await page.unroute(matches, hold)
    },
  }
}

/**
 * Holds the response to the next request of this kind until `release` is called, which waits until the page has processed
 * it. `held` resolves when the server has responded.
 */
export async function holdNextAnswer(page, pattern) {
  let release
  const released = new Promise((resolve) => {
    release = resolve
  })
  let seen
  const held = new Promise((resolve) => {
    seen = resolve
  })
  let taken
  const done = new Promise((resolve) => {
    taken = resolve
  })
  const hold = async (route) => {
    const response = await route.fetch()
    seen()
    await released
    await route.fulfill({ response })
    taken()
  }
  await page.route(pattern, hold, { times: 1 })
  return {
    held,
    release: async () => {
      release()
      await done
      // The page processes the response within two frames.
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    },
  }
}
