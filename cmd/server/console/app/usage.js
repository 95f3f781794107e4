// The usage: objects and bytes by tenant, stage and storage class, as the sweep counted them last.

import { call, now } from './api.js'
import { button, open } from './dialog.js'
import { h } from './dom.js'
import { bytes, moment, timeAgo } from './format.js'
import { icon } from './icons.js'
import { showError } from './toasts.js'

/** The maximum number of rows that are shown. It is the maximum page size of the API. */
const MAX_SHOWN = 1000

/** Lets the button open the usage. */
export function startUsage() {
  const opener = document.getElementById('usage')
  opener.append(icon('usage'))
  opener.addEventListener('click', showUsage)
}

/** Opens a dialog with the figures of the last count. */
async function showUsage() {
  let page
  try {
    page = await call('usage', { page_size: MAX_SHOWN })
  } catch (error) {
    if (error.code === 'USAGE_NOT_COUNTED') openDialog(h('p', {}, 'Nothing has been counted yet. The sweep counts the objects.'))
    else showError('The usage cannot be read', error)
    return
  }
  const { usage = [], counted_from, is_complete, next_page_token } = page
  const ago = timeAgo((now() - Date.parse(counted_from)) / 1000)
  openDialog(
    h('p', {}, 'Counted ', h('time', { datetime: counted_from, title: moment(counted_from) }, ago), '.'),
    usage.length > 0 ? table(usage) : h('p', {}, 'There are no objects.'),
    next_page_token && h('p', {}, `These are the first ${usage.length} rows. \`draftctl usage\` lists all.`),
    !is_complete && h('p', {}, 'There are more tenants than the count can tell apart. Some figures are too low.'),
  )
}

function openDialog(...content) {
  const dialog = open({
    title: 'Usage',
    content: h('div', { class: 'usage' }, ...content),
    actions: [button('Done', { onclick: () => dialog.close(), autofocus: true })],
  })
}

function table(usage) {
  const sum = (field) => usage.reduce((sum, row) => sum + BigInt(row[field] ?? 0), 0n)
  const heads = ['Tenant', 'Stage', 'Storage class', 'Objects', 'Size']
  return h('table', {},
    h('thead', {}, h('tr', {}, ...heads.map((head) => h('th', { scope: 'col' }, head)))),
    h('tbody', {}, ...usage.map(rowOf)),
    h('tfoot', {}, h('tr', {},
      h('th', { scope: 'row', colspan: 3 }, 'Together'),
      h('td', {}, number(sum('objects'))),
      h('td', {}, bytes(sum('bytes'))))))
}

function rowOf({ tenant, stage, bucket, storage_class, objects = '0', bytes: size = '0' }) {
  const place = stage === 'STAGE_DRAFT' ? 'Draft' : 'Main'
  return h('tr', {},
    h('td', { dir: 'auto' }, tenant || '(none)'),
    h('td', {}, bucket ? `Main, in ${bucket}` : place),
    h('td', {}, storage_class ?? ''),
    h('td', {}, number(objects)),
    h('td', {}, bytes(size)))
}

function number(value) {
  return BigInt(value).toLocaleString('en')
}
