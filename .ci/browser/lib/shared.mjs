// What all tests of a file share: the browser, and the site that serves their pages.

import { after, before } from 'node:test'
import { startBrowser } from './browser.mjs'
import { startSite } from './site.mjs'

/** Starts Chromium and a site before the tests of a file, and stops them after. Returns an object that has both by then. */
export function browserAndSite() {
  const shared = {}
  before(async () => {
    ;[shared.browser, shared.site] = await Promise.all([startBrowser(), startSite()])
  })
  after(async () => {
    await shared.browser?.close()
    await shared.site?.close()
  })
  return shared
}
