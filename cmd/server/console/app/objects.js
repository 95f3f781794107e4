// The list of confirmed objects: of a folder, or of all names that begin with a text.

import { call, now } from './api.js'
import { arrange, h } from './dom.js'
import { download } from './download.js'
import { moment, timeAgo } from './format.js'
import { icon } from './icons.js'
import { preview } from './preview.js'
import { emptyRow, folderRow, moreRow, placeholders, row } from './row.js'
import { thumbnail } from './thumbnails.js'
import { sentence, showError } from './toasts.js'

const PAGE_SIZE = 50

/** The delay between the last key press and the request, in milliseconds. */
const TYPING_MS = 250

const list = document.getElementById('objects-list')
const count = document.getElementById('objects-count')
const form = document.getElementById('objects-search')
const input = document.getElementById('objects-prefix')

let objects = []
let folders = []
let nextPage
/** The number of the last request. Responses to earlier ones are ignored. */
let lastRequest = 0

/** Shows the list of confirmed objects. */
export function startObjects() {
  let typing
  input.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(refreshObjects, TYPING_MS)
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    clearTimeout(typing)
    refreshObjects()
  })
  list.append(...placeholders())
  return refreshObjects()
}

/** Reloads the first page. */
export function refreshObjects() {
  return load([], [], undefined)
}

async function load(before, foldersBefore, token) {
  lastRequest += 1
  const request = lastRequest
  try {
    const prefix = input.value
    const page = await call('list-objects', {
      page_size: PAGE_SIZE,
      ...(prefix && { prefix }),
      ...(isFolder(prefix) && { delimiter: '/' }),
      ...(token && { page_token: token }),
    })
    if (request !== lastRequest) return
    objects = [...before, ...(page.objects ?? [])]
    folders = [...foldersBefore, ...(page.folders ?? [])]
    nextPage = page.next_page_token
    draw()
  } catch (error) {
    if (request !== lastRequest) return
    if (objects.length + folders.length === 0) arrange(list, [emptyRow('error', 'Confirmed objects cannot be listed', sentence(error.message))])
    else showError('Confirmed objects cannot be listed', error)
  } finally {
    list.removeAttribute('aria-busy')
  }
}

function draw() {
  const prefix = input.value
  const rows = [...folders.map((folder) => folderOf(folder, prefix)), ...objects.map(rowOf)]
  if (rows.length === 0) rows.push(nothing())
  if (prefix && isFolder(prefix)) rows.unshift(above(prefix))
  if (nextPage) rows.push(moreRow(() => load(objects, folders, nextPage)))
  arrange(list, rows)
  const shown = objects.length + folders.length
  count.textContent = `${shown}${nextPage ? '+' : ''}`
  count.hidden = shown === 0
}

/** Returns true if the text names a folder, or the topmost one. Other texts are the beginnings of names. */
function isFolder(prefix) {
  return prefix === '' || prefix.endsWith('/')
}

function folderOf(folder, prefix) {
  return folderRow(`Open folder ${folder}`, folder.slice(prefix.length), () => openFolder(folder))
}

/** Creates the row that leads to the folder above. */
function above(prefix) {
  const folder = prefix.slice(0, prefix.slice(0, -1).lastIndexOf('/') + 1)
  return folderRow(folder ? `Back to folder ${folder}` : 'Back to all folders', '..', () => openFolder(folder))
}

async function openFolder(folder) {
  input.value = folder
  await refreshObjects()
  list.querySelector('.name')?.focus({ preventScroll: true })
}

function nothing() {
  return input.value
    ? emptyRow('archive', 'No matches', 'No confirmed object has a name that begins with this text.')
    : emptyRow('archive', 'Nothing confirmed yet', 'Confirmed files appear here.')
}

function rowOf(object) {
  const ago = timeAgo((now() - Date.parse(object.confirmed_at)) / 1000)
  const save = h('button', {
    type: 'button',
    class: 'button quiet icon-only',
    title: 'Download',
    'aria-label': `Download ${object.object_name}`,
    onclick: () => download(object, 'STAGE_MAIN'),
  }, icon('download'))
  const element = row(object, {
    facts: [h('time', { datetime: object.confirmed_at, title: `Confirmed ${moment(object.confirmed_at)}` }, ago)],
    actions: [save],
    onopen: () => preview(object, { stage: 'STAGE_MAIN', changed: refreshObjects }),
  })
  thumbnail(element.querySelector('.thumb'), object, 'STAGE_MAIN')
  return element
}
