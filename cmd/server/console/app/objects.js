// The list of confirmed objects.

import { call, now } from './api.js'
import { arrange, h } from './dom.js'
import { download } from './download.js'
import { moment, timeAgo } from './format.js'
import { icon } from './icons.js'
import { preview } from './preview.js'
import { emptyRow, moreRow, placeholders, row } from './row.js'
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
  return load([], undefined)
}

async function load(before, token) {
  lastRequest += 1
  const request = lastRequest
  try {
    const prefix = input.value
    const page = await call('list-objects', { page_size: PAGE_SIZE, ...(prefix && { prefix }), ...(token && { page_token: token }) })
    if (request !== lastRequest) return
    objects = [...before, ...(page.objects ?? [])]
    nextPage = page.next_page_token
    draw()
  } catch (error) {
    if (request !== lastRequest) return
    if (objects.length === 0) arrange(list, [emptyRow('error', 'Confirmed objects cannot be listed', sentence(error.message))])
    else showError('Confirmed objects cannot be listed', error)
  } finally {
    list.removeAttribute('aria-busy')
  }
}

function draw() {
  const rows = objects.map(rowOf)
  if (rows.length === 0) rows.push(nothing())
  if (nextPage) rows.push(moreRow(() => load(objects, nextPage)))
  arrange(list, rows)
  count.textContent = `${objects.length}${nextPage ? '+' : ''}`
  count.hidden = objects.length === 0
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
    onopen: () => preview(object, { stage: 'STAGE_MAIN' }),
  })
  thumbnail(element.querySelector('.thumb'), object, 'STAGE_MAIN')
  return element
}
