// A row of a list: what draft and confirmed object have in common.

import { h } from './dom.js'
import { bytes, kindOf, parts } from './format.js'
import { icon } from './icons.js'

/** A row that opens what it stands for, with these facts beside its size, and these buttons. */
export function row(item, { facts, actions, onopen }) {
  const { folder, file } = parts(item.object_name)
  return h('li', { class: 'row' },
    h('span', { class: 'thumb' }, icon(kindOf(item.object_name))),
    h('div', { class: 'row-text' },
      h('button', { type: 'button', class: 'name', title: item.object_name, 'aria-haspopup': 'dialog', onclick: onopen },
        folder && h('span', { class: 'folder', dir: 'auto' }, folder), h('span', { class: 'file', dir: 'auto' }, file)),
      h('p', { class: 'facts' }, h('span', {}, bytes(item.size)), ...facts),
    ),
    h('div', { class: 'row-actions' }, ...actions),
  )
}

/** What a list shows that has nothing to show. */
export function emptyRow(symbol, title, text) {
  return h('li', { class: 'empty' }, icon(symbol), h('p', { class: 'empty-title' }, title), h('p', {}, text))
}

/** The row at the end of a list of which there is more. */
export function moreRow(load) {
  return h('li', { class: 'more' }, h('button', { type: 'button', class: 'button', onclick: load }, 'Show more'))
}

/** Rows that say that something is coming. */
export function placeholders() {
  return Array.from({ length: 3 }, () =>
    h('li', { class: 'row placeholder', 'aria-hidden': 'true' }, h('span', { class: 'thumb' }), h('span', { class: 'bar-line' })))
}

/** Where focus goes when the row that has it leaves: to the next row, or to the list's title. */
export function focusAfter(row, title) {
  if (!row.contains(document.activeElement) && document.activeElement !== document.body) return
  const next = row.nextElementSibling ?? row.previousElementSibling
  const target = next?.querySelector('.name') ?? title
  target.focus({ preventScroll: true })
}
