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

const PAGE_SIZE = 100

/** The remaining time from which a draft is highlighted, in seconds. */
const SOON = 15 * 60

const list = document.getElementById('drafts-list')
const title = document.getElementById('drafts')
const count = document.getElementById('drafts-count')

/** The listed drafts by ID and version. An upload with the same name gets another row. */
let shown = new Map()
let nextPage
/** The number of the last request. Responses to earlier ones are ignored, because they may lack recent uploads. */
let lastRequest = 0
let onConfirmed = () => {}

/** Shows the list. Calls `confirmed` after a draft is confirmed. */
export function startDrafts({ confirmed }) {
  onConfirmed = confirmed
  list.append(...placeholders())
  setInterval(tick, 1000)
  return refreshDrafts()
}

/** Reloads as many pages as are currently shown. */
export async function refreshDrafts() {
  lastRequest += 1
  const request = lastRequest
  try {
    const drafts = []
    let token
    do {
      const page = await call('list-drafts', { page_size: PAGE_SIZE, ...(token && { page_token: token }) })
      drafts.push(...(page.drafts ?? []))
      token = page.next_page_token
    } while (token && drafts.length < shown.size)
    if (request === lastRequest) show(drafts, token)
  } catch (error) {
    if (request !== lastRequest) return
    if (shown.size === 0) arrange(list, [emptyRow('error', 'Drafts cannot be listed', sentence(error.message))])
    else showError('Drafts cannot be listed', error)
  } finally {
    list.removeAttribute('aria-busy')
  }
}

async function loadMore() {
  lastRequest += 1
  const request = lastRequest
  try {
    const page = await call('list-drafts', { page_size: PAGE_SIZE, page_token: nextPage })
    if (request === lastRequest) show([...[...shown.values()].map(({ draft }) => draft), ...(page.drafts ?? [])], page.next_page_token)
  } catch (error) {
    showError('More drafts cannot be listed', error)
  }
}

function show(drafts, token) {
  const before = shown
  nextPage = token
  // Newest first: the draft that expires last was uploaded last.
  drafts.sort((a, b) => b.expires_at.localeCompare(a.expires_at) || a.object_name.localeCompare(b.object_name))
  shown = new Map(drafts.map((draft) => [keyOf(draft), before.get(keyOf(draft)) ?? entry(draft)]))
  draw()
}

function draw() {
  const rows = [...shown.values()].map(({ element }) => element)
  if (rows.length === 0) rows.push(emptyRow('inbox', 'No drafts', 'Uploaded files appear here until they are confirmed or expire.'))
  if (nextPage) rows.push(moreRow(loadMore))
  arrange(list, rows)
  count.textContent = `${shown.size}${nextPage ? '+' : ''}`
  count.hidden = shown.size === 0
  tick()
}

function keyOf({ draft_id, etag, object_name }) {
  return [draft_id ?? '', etag, object_name].join('\n')
}

function entry(draft) {
  const time = h('time', { class: 'left', datetime: draft.expires_at, title: `Expires ${moment(draft.expires_at)}` })
  const confirm = button('Confirm', { kind: 'tonal', symbol: 'check', 'aria-label': `Confirm ${draft.object_name}` })
  const discard = h('button', { type: 'button', class: 'button quiet icon-only', title: 'Discard', 'aria-label': `Discard ${draft.object_name}` }, icon('trash'))
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
    element.setAttribute('aria-busy', 'true')
    confirm.disabled = discard.disabled = true
    const gone = await actions[action]()
    element.removeAttribute('aria-busy')
    confirm.disabled = discard.disabled = false
    if (!gone) {
      // The draft may have been deleted or replaced meanwhile.
      refreshDrafts()
      return false
    }
    remove(draft)
    if (action === 'confirm') onConfirmed()
    return true
  }
  confirm.addEventListener('click', () => act('confirm'))
  discard.addEventListener('click', () => act('discard'))
  thumbnail(element.querySelector('.thumb'), draft, 'STAGE_DRAFT')
  return { draft, element, time }
}

function remove(draft) {
  const gone = shown.get(keyOf(draft))
  if (!gone) return
  shown.delete(keyOf(draft))
  focusAfter(gone.element, title)
  draw()
  // A response in progress may still contain the draft.
  refreshDrafts()
  announce(shown.size === 0 ? 'No drafts are left' : `${shown.size} drafts are left`)
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
