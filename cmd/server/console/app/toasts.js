// Short messages in the corner: what happened, and what went wrong.

import { h } from './dom.js'
import { icon } from './icons.js'

/** Long enough to be read; errors stay until they are closed. */
const SHOWN_MS = 6000

/** More would cover the page. */
const MAX_TOASTS = 4

/** Something went as it should. */
export function tell(text) {
  const toast = show('status', 'check', text)
  const close = () => toast.remove()
  let timer = setTimeout(close, SHOWN_MS)
  // Not under the hand, nor under the eyes of somebody who reads slowly.
  toast.addEventListener('pointerenter', () => clearTimeout(timer))
  toast.addEventListener('focusin', () => clearTimeout(timer))
  toast.addEventListener('pointerleave', () => {
    timer = setTimeout(close, SHOWN_MS)
  })
}

/** Something did not; `error` says why. */
export function complain(what, error) {
  const fields = (error.errors ?? []).map(({ field, detail }) => `${field}: ${detail}`)
  show('alert', 'error', what, [sentence(error.message), ...fields].join(' '))
}

/** What the server says, as a sentence. */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.')
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
