// Modal dialogs. The browser traps focus, closes on Escape, and restores focus.

import { h } from './dom.js'
import { icon } from './icons.js'

/** Opens a dialog and returns its element. On close the element is removed and `onclose` is called. */
export function open({ title, content, actions, kind = '', onclose }) {
  const id = `dialog-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`
  const dialog = h('dialog', { class: `dialog ${kind}`, 'aria-labelledby': id },
    h('header', { class: 'dialog-head' },
      h('h2', { id, dir: 'auto' }, title),
      h('button', { type: 'button', class: 'button quiet icon-only', 'aria-label': 'Close', onclick: () => dialog.close() },
        icon('close')),
    ),
    h('div', { class: 'dialog-body' }, content),
    h('footer', { class: 'dialog-foot' }, ...actions),
  )
  // A click on the backdrop targets the dialog itself. Its content is in child elements.
  dialog.addEventListener('pointerdown', (event) => event.target === dialog && dialog.close())
  dialog.addEventListener('close', () => {
    dialog.remove()
    onclose?.()
  })
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}

/** Creates a button with an optional icon. */
export function button(label, { symbol, kind = '', ...props } = {}) {
  return h('button', { type: 'button', class: `button ${kind}`, ...props },
    symbol && icon(symbol), h('span', { class: 'label' }, label))
}
