// Chromium, and pages in it on which nothing may go wrong unseen.

import assert from 'node:assert/strict'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from './modules.mjs'

const EXECUTABLE = '/usr/bin/chromium'

/** Nothing that looks for hosts outside. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const DESKTOP = { width: 1280, height: 860 }
export const PHONE = { width: 390, height: 844 }

/** Starts Chromium. */
export async function startBrowser() {
  await access(EXECUTABLE).catch(() => {
    throw new Error(`${EXECUTABLE} is missing: install Debian's package chromium`)
  })
  return chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS })
}

/** A page in a profile of its own, and what went wrong on it. */
export class Tab {
  /** What the page logged as an error, threw, or was refused by its policy. */
  troubles = []

  static async open(browser, { viewport = DESKTOP, colorScheme = 'light', reducedMotion = 'no-preference', ...options } = {}) {
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion, locale: 'en-GB', timezoneId: 'UTC', ...options })
    const tab = new Tab()
    tab.context = context
    tab.page = await context.newPage()
    tab.page.setDefaultTimeout(30_000)
    tab.page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') tab.troubles.push(`console: ${message.text()}`)
    })
    tab.page.on('pageerror', (error) => tab.troubles.push(`thrown: ${error.stack ?? error}`))
    return tab
  }

  /** Closes it; nothing may have gone wrong but what matches one of `expected`. */
  async close(...expected) {
    await this.context.close()
    const unexpected = this.troubles.filter((trouble) => !expected.some((pattern) => pattern.test(trouble)))
    assert.deepEqual(unexpected.map(withoutSignatures), [])
  }

  /** Keeps a picture among the artifacts, where these are wanted. */
  async picture(name, options = {}) {
    const directory = process.env.BROWSER_ARTIFACTS
    if (!directory) return
    await mkdir(directory, { recursive: true })
    await this.page.screenshot({ path: join(directory, `${name}.png`), ...options })
  }
}

/** Presigned URLs let in whoever reads them. */
function withoutSignatures(text) {
  return text.replaceAll(/([?&])X-Amz-[^\s"']*/g, '$1…')
}
