// Who is asking: where the server wants to know, every call to it says so by a key that somebody has put in.

import { url } from './api.js'
import { button, open } from './dialog.js'
import { h } from './dom.js'

/** Where the key is kept: in this tab, until it is closed. */
const KEY = 'draftstore-key'

/** What of this server asks who is calling. */
const CALLS = ['api/v1/', 'uppy/'].map(url)

/** The dialog that is open, if one is: everybody who waits for a key waits for the same. */
let asking

/** From now on calls have the key, Uppy's too, and are made again when somebody has put one in. */
export function startSignIn() {
  const send = window.fetch.bind(window)
  window.fetch = async (input, init = {}) => {
    if (!CALLS.some((start) => String(input).startsWith(start))) return send(input, init)
    for (;;) {
      const key = sessionStorage.getItem(KEY)
      const answer = await send(input, signed(init, key))
      if (answer.status !== 401) return answer
      // Another call may have got one in the meantime.
      if (sessionStorage.getItem(KEY) === key && !(await askForKey(key))) return answer
    }
  }
  const signOut = button('Sign out', { kind: 'quiet', onclick: leave })
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

/** Whether there is another key now than this one, which was not taken. */
function askForKey(refused) {
  asking ??= new Promise((resolve) => {
    sessionStorage.removeItem(KEY)
    const input = h('input', { id: 'key', class: 'input', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, 'aria-describedby': 'key-error' })
    const form = h('form', { id: 'key-form', method: 'dialog' },
      h('p', {}, 'This server asks who is calling. The key stays in this tab, until you close it or sign out.'),
      h('label', { for: 'key' }, 'API key or token'),
      input,
      h('p', { id: 'key-error', class: 'field-error', role: 'alert' }, refused && 'That key is not valid.'),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const key = input.value.trim()
      // A header holds nothing else.
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
        asking = undefined
        showSignOut()
        resolve(sessionStorage.getItem(KEY) !== null)
      },
    })
    input.focus()
  })
  return asking
}

function showSignOut() {
  document.getElementById('sign-out').hidden = sessionStorage.getItem(KEY) === null
}

/** Nothing that the key has shown stays on the page. */
function leave() {
  sessionStorage.removeItem(KEY)
  location.reload()
}
