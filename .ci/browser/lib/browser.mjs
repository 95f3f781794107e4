// Chromium, and pages that fail their test on unexpected errors.

import assert from 'node:assert/strict'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from './modules.mjs'

const EXECUTABLE = '/usr/bin/chromium'

/** Disables everything that contacts other hosts. */
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

/** Starts Chromium, with additional arguments. */
export async function startBrowser(more = []) {
  await access(EXECUTABLE).catch(() => {
    throw new Error(`${EXECUTABLE} is missing: install Debian's package chromium`)
  })
  return chromium.launch({ executablePath: EXECUTABLE, args: [...ARGUMENTS, ...more] })
}

/** A page in a profile of its own, with its errors. */
export class Tab {
  /** The errors that the page logged or threw, and its policy violations. */
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

  /** Closes the page. Every error must match one of `expected`. */
  async close(...expected) {
    await this.context.close()
    const unexpected = this.troubles.filter((trouble) => !expected.some((pattern) => pattern.test(trouble)))
    assert.deepEqual(unexpected.map(withoutSignatures), [])
  }

  /** Saves a screenshot to the artifacts, if they are enabled. */
  async picture(name, options = {}) {
    const directory = process.env.BROWSER_ARTIFACTS
    if (!directory) return
    await mkdir(directory, { recursive: true })
    await this.page.screenshot({ path: join(directory, `${name}.png`), ...options })
  }
}

/** Removes signatures, because anyone who reads a presigned URL can use it. */
function withoutSignatures(text) {
  return text.replaceAll(/([?&])X-Amz-[^\s"']*/g, '$1…')
}
