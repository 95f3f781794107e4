// The entry point of the console.

import { refreshDrafts, startDrafts } from './drafts.js'
import { icon } from './icons.js'
import { refreshObjects, startObjects } from './objects.js'
import { startSignIn } from './signin.js'
import { startUploads } from './uploads.js'

const refresh = document.getElementById('refresh')
refresh.prepend(icon('refresh'))
refresh.addEventListener('click', async () => {
  refresh.setAttribute('aria-busy', 'true')
  await Promise.all([refreshDrafts(), refreshObjects()])
  refresh.removeAttribute('aria-busy')
})

// Files may have been uploaded or confirmed elsewhere while the page was hidden.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') refreshDrafts()
})

startSignIn()
startUploads({ uploaded: refreshDrafts })
startDrafts({ confirmed: refreshObjects })
startObjects()
