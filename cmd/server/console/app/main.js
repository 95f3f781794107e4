// The entry point of the console.

import { isTicketPage } from './api.js'
import { refreshDrafts, startDrafts } from './drafts.js'
import { startGuard } from './guard.js'
import { icon } from './icons.js'
import { refreshObjects, startObjects } from './objects.js'
import { startSignIn } from './signin.js'
import { startUploads } from './uploads.js'
import { startUsage } from './usage.js'

const refresh = document.getElementById('refresh')
refresh.prepend(icon('refresh'))
refresh.addEventListener('click', async () => {
  refresh.setAttribute('aria-busy', 'true')
  await Promise.all([refreshDrafts(), isTicketPage || refreshObjects()])
  refresh.removeAttribute('aria-busy')
})

// Files may have been uploaded or confirmed elsewhere while the page was hidden.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') refreshDrafts()
})

/** The time that refreshes after uploads are put off, so that many files cause few, in milliseconds. */
const TOGETHER_MS = 250

let refreshing
function refreshSoon() {
  refreshing ??= setTimeout(() => {
    refreshing = undefined
    refreshDrafts()
  }, TOGETHER_MS)
}

document.body.classList.toggle('ticket', isTicketPage)
startGuard()
startSignIn()
startUploads({ uploaded: refreshSoon })
startDrafts({ confirmed: refreshObjects, canAct: !isTicketPage })
if (!isTicketPage) {
  startObjects()
  startUsage()
}
