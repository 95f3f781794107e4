// The rows of the lists of drafts and confirmed objects.

import { h } from './dom.js'
import { bytes, kindOf, parts } from './format.js'
import { icon } from './icons.js'

/** Creates a row with the item's name, which `onopen` makes a button, its facts, and further buttons. */
export function row(item, { facts, actions, onopen }) {
  const { folder, file } = parts(item.object_name)
  const name = [folder && h('span', { class: 'folder', dir: 'auto' }, folder), h('span', { class: 'file', dir: 'auto' }, file)]
  return h('li', { class: 'row' },
    h('span', { class: 'thumb' }, icon(kindOf(item.object_name))),
    h('div', { class: 'row-text' },
      onopen
        ? h('button', { type: 'button', class: 'name', title: item.object_name, 'aria-haspopup': 'dialog', onclick: onopen }, ...name)
        : h('span', { class: 'name', title: item.object_name }, ...name),
      h('p', { class: 'facts' }, h('span', {}, bytes(item.size)), ...facts),
    ),
    h('div', { class: 'row-actions' }, ...actions),
  )
}

/** Creates the row of a folder, which `onopen` opens. */
export function folderRow(label, name, onopen) {
  return h('li', { class: 'row' },
    h('span', { class: 'thumb' }, icon('folder')),
    h('div', { class: 'row-text' },
      h('button', { type: 'button', class: 'name', title: label, 'aria-label': label, onclick: onopen },
        h('span', { class: 'file', dir: 'auto' }, name))),
  )
}

/** Creates the row of an empty list. */
export function emptyRow(symbol, title, text) {
  return h('li', { class: 'empty' }, icon(symbol), h('p', { class: 'empty-title' }, title), h('p', {}, text))
}

/** Creates the row with a button that loads the next page. */
export function moreRow(load) {
  return h('li', { class: 'more' }, h('button', { type: 'button', class: 'button', onclick: load }, 'Show more'))
}

/** Creates placeholder rows for a list that is loading. */
export function placeholders() {
  return Array.from({ length: 3 }, () =>
    h('li', { class: 'row placeholder', 'aria-hidden': 'true' }, h('span', { class: 'thumb' }), h('span', { class: 'bar-line' })))
}

/** Moves focus from a row that is about to be removed to the next row, or to the title of the list. */
export function focusAfter(row, title) {
  if (!row.contains(document.activeElement) && document.activeElement !== document.body) return
  const next = [row.nextElementSibling, row.previousElementSibling].find((other) => other && !other.inert)
  const target = next?.querySelector('.name') ?? title
  target.focus({ preventScroll: true })
}
