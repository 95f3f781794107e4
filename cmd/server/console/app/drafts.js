// The list of drafts.

import { confirmDraft, discardDraft } from './actions.js'
import { call, now } from './api.js'
import { button } from './dialog.js'
import { announce, arrange, h } from './dom.js'
import { moment, timeLeft } from './format.js'
import { icon } from './icons.js'
import { preview } from './preview.js'
import { emptyRow, focusAfter, moreRow, placeholders, row } from './row.js'
import { thumbnail } from './thumbnails.js'
import { sentence, showError } from './toasts.js'

/** The maximum page size of the API. */
const PAGE_SIZE = 1000

/** The number of drafts that are read to find the newest. The API lists them by name. */
const MAX_READ = 5000

/** The number of rows that are shown at first, and that are added at a time. */
const ROWS = 100

/** The time for which the list stays as it is after an action, so that a second click hits the same row, in milliseconds. */
const STILL_MS = 1000

/** The time within which a server deletes a confirmed draft, in milliseconds, with much to spare. */
const DELETED_MS = 5000

/** The remaining time from which a draft is highlighted, in seconds. */
const SOON = 15 * 60

const list = document.getElementById('drafts-list')
const title = document.getElementById('drafts')
const count = document.getElementById('drafts-count')

/** The drafts that were read, newest first. */
let drafts = []
/** The drafts with a row, by ID and version. An upload with the same name gets another row. */
let shown = new Map()
/** The maximum number of rows. */
let rows = ROWS
let nextPage
let stillUntil = 0
/** The confirmed drafts, by ID and version, each with the time until which it is not shown. */
const confirmedUntil = new Map()
let laterDraw
/** The number of the last request. Responses to earlier ones are ignored, because they may lack recent uploads. */
let lastRequest = 0
let onConfirmed = () => {}
let mayAct = true

/**
 * Shows the list. Calls `confirmed` after a draft is confirmed. If `canAct` is false, drafts can be neither opened nor confirmed
 * nor discarded.
 */
export function startDrafts({ confirmed, canAct }) {
  onConfirmed = confirmed
  mayAct = canAct
  list.append(...placeholders())
  setInterval(tick, 1000)
  return refreshDrafts()
}

/** Reads the drafts again, at least as many as before. */
export async function refreshDrafts() {
  lastRequest += 1
  const request = lastRequest
  try {
    const read = []
    let token
    do {
      const page = await call('list-drafts', { page_size: PAGE_SIZE, ...(token && { page_token: token }) })
      read.push(...(page.drafts ?? []))
      token = page.next_page_token
    } while (token && read.length < Math.max(MAX_READ, drafts.length))
    if (request === lastRequest) show(read, token)
  } catch (error) {
    if (request !== lastRequest) return
    // A ticket without names of its own cannot list.
    if (!mayAct && error.code === 'PERMISSION_DENIED') list.closest('.card').hidden = true
    else if (drafts.length === 0) arrange(list, [emptyRow('error', 'Drafts cannot be listed', sentence(error.message))])
    else showError('Drafts cannot be listed', error)
  } finally {
    list.removeAttribute('aria-busy')
  }
}

async function showMore() {
  rows += ROWS
  if (rows <= drafts.length || !nextPage) return show(drafts, nextPage)
  lastRequest += 1
  const request = lastRequest
  try {
    const page = await call('list-drafts', { page_size: PAGE_SIZE, page_token: nextPage })
    if (request === lastRequest) show([...drafts, ...(page.drafts ?? [])], page.next_page_token)
  } catch (error) {
    showError('More drafts cannot be listed', error)
  }
}

function show(read, token) {
  nextPage = token
  // A server deletes a confirmed draft shortly after its answer.
  read = read.filter((draft) => !(confirmedUntil.get(keyOf(draft)) > performance.now()))
  // Newest first: the draft that expires last was uploaded last.
  drafts = read.sort((a, b) => b.expires_at.localeCompare(a.expires_at) || a.object_name.localeCompare(b.object_name))
  draw()
}

/** Draws the list. After an action it waits, because a row that takes the place of another could get a click meant for that one. */
function draw() {
  clearTimeout(laterDraw)
  const wait = stillUntil - performance.now()
  if (wait > 0) {
    laterDraw = setTimeout(draw, wait)
    return
  }
  const before = shown
  shown = new Map(drafts.slice(0, rows).map((draft) => [keyOf(draft), before.get(keyOf(draft)) ?? entry(draft)]))
  const elements = [...shown.values()].map(({ element }) => element)
  if (elements.length === 0) elements.push(emptyRow('inbox', 'No drafts', 'Uploaded files appear here until they are confirmed or expire.'))
  if (drafts.length > shown.size || nextPage) elements.push(moreRow(showMore))
  arrange(list, elements)
  count.textContent = `${drafts.length}${nextPage ? '+' : ''}`
  count.hidden = drafts.length === 0
  tick()
}

function keyOf({ draft_id, etag, object_name }) {
  return [draft_id ?? '', etag, object_name].join('\n')
}

function entry(draft) {
  const time = h('time', { class: 'left', datetime: draft.expires_at, title: `Expires ${moment(draft.expires_at)}` })
  const confirm = button('Confirm', { kind: 'tonal', symbol: 'check', 'aria-label': `Confirm ${draft.object_name}` })
  const discard = h('button', { type: 'button', class: 'button quiet icon-only', title: 'Discard', 'aria-label': `Discard ${draft.object_name}` }, icon('trash'))
  if (!mayAct) return { draft, element: row(draft, { facts: [time], actions: [] }), time }
  const element = row(draft, {
    facts: [time],
    actions: [confirm, discard],
    onopen: () => preview(draft, { stage: 'STAGE_DRAFT', act: (action) => act(action) }),
  })
  const actions = {
    confirm: () => confirmDraft(draft),
    discard: () => discardDraft(draft),
  }
  const act = async (action) => {
    // The action of another button, or of the preview, is under way or done.
    if (confirm.disabled) return false
    element.setAttribute('aria-busy', 'true')
    confirm.disabled = discard.disabled = true
    const gone = await actions[action]()
    element.removeAttribute('aria-busy')
    if (!gone) {
      confirm.disabled = discard.disabled = false
      // The draft may have been deleted or replaced meanwhile.
      refreshDrafts()
      return false
    }
    if (action === 'confirm') confirmedUntil.set(keyOf(draft), performance.now() + DELETED_MS)
    remove(draft, element)
    if (action === 'confirm') onConfirmed()
    return true
  }
  confirm.addEventListener('click', () => act('confirm'))
  discard.addEventListener('click', () => act('discard'))
  thumbnail(element.querySelector('.thumb'), draft, 'STAGE_DRAFT')
  return { draft, element, time }
}

/** Removes a draft from the list. Its row stays for a moment, and can do nothing. */
function remove(draft, element) {
  drafts = drafts.filter((other) => keyOf(other) !== keyOf(draft))
  element.inert = true
  element.classList.add('done')
  focusAfter(element, title)
  stillUntil = performance.now() + STILL_MS
  draw()
  // A response in progress may still contain the draft.
  refreshDrafts()
  announce(drafts.length === 0 ? 'No drafts are left' : `${drafts.length} drafts are left`)
}

function tick() {
  for (const { draft, time } of shown.values()) {
    const seconds = (Date.parse(draft.expires_at) - now()) / 1000
    const text = timeLeft(seconds)
    if (time.textContent !== text) time.textContent = text
    time.classList.toggle('soon', seconds > 0 && seconds < SOON)
    time.classList.toggle('over', seconds <= 0)
  }
}
