// Notifications in the corner of the page.

import { h } from './dom.js'
import { icon } from './icons.js'

/** The display time of a success. Errors stay until they are closed. */
const SHOWN_MS = 6000

/** The maximum number of notifications at a time. */
const MAX_TOASTS = 4

/** Shows a success. With `undo`, the notification has a button that calls it. */
export function showSuccess(text, undo) {
  const toast = show('status', 'check', text)
  const close = () => toast.remove()
  if (undo) {
    const run = () => {
      close()
      undo()
    }
    toast.querySelector('.toast-text').after(h('button', { type: 'button', class: 'button', onclick: run }, 'Undo'))
  }
  let timer = setTimeout(close, SHOWN_MS)
  // Keep it open while the pointer or the focus is on it.
  toast.addEventListener('pointerenter', () => clearTimeout(timer))
  toast.addEventListener('focusin', () => clearTimeout(timer))
  toast.addEventListener('pointerleave', () => {
    timer = setTimeout(close, SHOWN_MS)
  })
}

/** Shows an error with its reason. */
export function showError(what, error) {
  const fields = (error.errors ?? []).map(({ field, detail }) => `${field}: ${detail}`)
  show('alert', 'error', what, [sentence(error.message), ...fields].join(' '))
}

/** Formats an error text of the server as a sentence. A field's name at its begin stays as it is. */
export function sentence(text) {
  const begin = /^\S*_/.test(text) ? text.charAt(0) : text.charAt(0).toUpperCase()
  return begin + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.')
}

function show(role, symbol, title, detail) {
  const toasts = document.getElementById('toasts')
  const toast = h('div', { class: `toast ${role}`, role },
    icon(symbol),
    h('div', { class: 'toast-text' }, h('p', {}, title), detail && h('p', { class: 'detail' }, detail)),
    h('button', { type: 'button', class: 'button quiet icon-only', 'aria-label': 'Close notification', onclick: () => toast.remove() },
      icon('close')),
  )
  toasts.append(toast)
  while (toasts.children.length > MAX_TOASTS) toasts.firstElementChild.remove()
  return toast
}
