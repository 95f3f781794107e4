// What people see and do on the console's page, for its tests.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { Tab } from './browser.mjs'
import { fileOf } from './modules.mjs'

/** A tab on the console of a server, its lists loaded. */
export async function openConsole(browser, server, options) {
  const tab = await Tab.open(browser, options)
  await tab.page.goto(server.url)
  await settled(tab.page)
  return tab
}

/** Until both lists have been answered for. */
export async function settled(page) {
  for (const list of ['Drafts', 'Confirmed']) {
    await page.getByRole('list', { name: list }).and(page.locator(':not([aria-busy])')).waitFor()
  }
}

/** The row of a draft or of a confirmed object. */
export function rowOf(page, list, name) {
  return page.getByRole('list', { name: list }).getByRole('listitem').filter({ has: page.getByRole('button', { name, exact: true }) })
}

/** Gives files to the Dashboard as its file dialog does. */
export async function choose(page, ...files) {
  await page.locator('input.uppy-Dashboard-input').first().setInputFiles(files.map(({ path }) => path))
}

/** Nothing on the page is wider than the page. */
export async function assertNoSidewaysScroll(page) {
  const [wanted, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth])
  assert.ok(wanted <= room, `the page is ${wanted} px wide, its window ${room}`)
}

/** No rule of WCAG that a program can check is broken. */
export async function assertAccessible(page) {
  // By the debugger, which the page's policy does not bind.
  await page.evaluate(await readFile(fileOf('axe-core/axe.min.js'), 'utf8'))
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`).join('\n')}`)
  assert.deepEqual(found, [])
}

/** Which parts were sent to the store, as often as they were: by part number, in order. */
export class PartsSent {
  numbers = []

  constructor(page) {
    page.on('requestfinished', (request) => {
      const number = partNumber(request)
      if (number) this.numbers.push(number)
    })
  }
}

/** The part that a request uploads; nothing where it is another. */
export function partNumber(request) {
  if (request.method() !== 'PUT') return undefined
  const number = new URL(request.url()).searchParams.get('partNumber')
  return number === null ? undefined : Number(number)
}

/**
 * Holds back every part after the first `count`, until `release` is called. `held` is there when one waits.
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
    // The page may have gone meanwhile, and its request with it.
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
 * Holds back the answer to the next request of this kind, until `release` is called, which waits until the page has taken it
 * in. `held` is there when the server has answered.
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
      // What the answer sets off runs before what is asked of the page next, two frames on.
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    },
  }
}
