// Authentication. If the server requires it, every call carries a key that the user enters.

import { isTicketPage, url } from './api.js'
import { button, open } from './dialog.js'
import { h } from './dom.js'

/** The session storage key of the API key, which is kept until the tab is closed. */
const KEY = 'draftstore-key'

/** The URLs of this server that may require authentication. */
const CALLS = ['api/v1/', 'uppy/'].map(url)

/** The pending sign-in, shared by all calls that wait for a key. */
let pendingSignIn

/** Adds the key to all calls from now on, including those of Uppy, and repeats calls that were rejected after sign-in. */
export function startSignIn() {
  // A key cannot replace the ticket in the path.
  if (isTicketPage) return
  const send = window.fetch.bind(window)
  window.fetch = async (input, init = {}) => {
    if (!CALLS.some((start) => String(input).startsWith(start))) return send(input, init)
    for (;;) {
      const key = sessionStorage.getItem(KEY)
      const response = await send(input, signed(init, key))
      if (response.status !== 401) return response
      // Another call may have obtained a key meanwhile.
      if (sessionStorage.getItem(KEY) === key && !(await askForKey(key))) return response
    }
  }
  const signOut = button('Sign out', { kind: 'quiet', onclick: signOutAndReload })
  signOut.id = 'sign-out'
  document.getElementById('refresh').before(signOut)
  showSignOut()
}

function signed(init, key) {
  if (!key) return init
  const headers = new Headers(init.headers)
  headers.set('authorization', `Bearer ${key}`)
  return { ...init, headers }
}

/** Asks for a key to replace the rejected one. Resolves to false if the dialog is cancelled. */
function askForKey(rejected) {
  pendingSignIn ??= new Promise((resolve) => {
    sessionStorage.removeItem(KEY)
    const input = h('input', { id: 'key', class: 'input', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': 'key-error' })
    const form = h('form', { id: 'key-form', method: 'dialog' },
      h('p', {}, 'This server requires authentication. The key stays in this tab until you close it or sign out.'),
      h('label', { for: 'key' }, 'API key or token'),
      input,
      h('p', { id: 'key-error', class: 'field-error', role: 'alert' }, rejected && 'That key is not valid.'),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const key = input.value.trim()
      // Other characters are not valid in a header.
      if (!/^[\x21-\x7e]+$/.test(key)) return input.select()
      sessionStorage.setItem(KEY, key)
      dialog.close()
    })
    const dialog = open({
      title: 'Sign in',
      kind: 'small',
      content: form,
      actions: [h('button', { type: 'submit', class: 'button primary', form: 'key-form' }, 'Sign in')],
      onclose: () => {
        pendingSignIn = undefined
        showSignOut()
        resolve(sessionStorage.getItem(KEY) !== null)
      },
    })
    input.focus()
  })
  return pendingSignIn
}

function showSignOut() {
  document.getElementById('sign-out').hidden = sessionStorage.getItem(KEY) === null
}

/** Signs out, and reloads the page, so that nothing loaded with the key remains on it. */
function signOutAndReload() {
  sessionStorage.removeItem(KEY)
  location.reload()
}
