// Modal dialogs: the browser keeps focus inside, closes them with Escape, and gives focus back.

import { h } from './dom.js'
import { icon } from './icons.js'

/**
 * Opens a dialog with this title, content and buttons. The answer is its element, gone when it is closed; `onclose` is
 * called then.
 */
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
  // A click on the backdrop lands on the dialog itself: everything else is inside of its children.
  dialog.addEventListener('pointerdown', (event) => event.target === dialog && dialog.close())
  dialog.addEventListener('close', () => {
    dialog.remove()
    onclose?.()
  })
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}

/** A button for the foot of a dialog, or anywhere else. */
export function button(label, { symbol, kind = '', ...props } = {}) {
  return h('button', { type: 'button', class: `button ${kind}`, ...props },
    symbol && icon(symbol), h('span', { class: 'label' }, label))
}
