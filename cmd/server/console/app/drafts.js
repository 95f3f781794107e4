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
import { complain, sentence } from './toasts.js'

const PAGE_SIZE = 100

/** From here on the time left is marked. In seconds. */
const SOON = 15 * 60

const list = document.getElementById('drafts-list')
const title = document.getElementById('drafts')
const count = document.getElementById('drafts-count')

/** What is shown, by identity and version: an upload under the same name is another row. */
let shown = new Map()
let nextPage
/** Counts what was asked for: an answer to anything but the last is late, and may lack what was uploaded since. */
let asked = 0
let onConfirmed = () => {}

/** Shows the list. `confirmed` is called when a draft was confirmed. */
export function startDrafts({ confirmed }) {
  onConfirmed = confirmed
  list.append(...placeholders())
  setInterval(tick, 1000)
  return refreshDrafts()
}

/** Asks for the first pages again: as much as is shown now. */
export async function refreshDrafts() {
  asked += 1
  const mine = asked
  try {
    const drafts = []
    let token
    do {
      const page = await call('list-drafts', { page_size: PAGE_SIZE, ...(token && { page_token: token }) })
      drafts.push(...(page.drafts ?? []))
      token = page.next_page_token
    } while (token && drafts.length < shown.size)
    if (mine === asked) show(drafts, token)
  } catch (error) {
    if (mine !== asked) return
    if (shown.size === 0) arrange(list, [emptyRow('error', 'Drafts cannot be listed', sentence(error.message))])
    else complain('Drafts cannot be listed', error)
  } finally {
    list.removeAttribute('aria-busy')
  }
}

async function loadMore() {
  asked += 1
  const mine = asked
  try {
    const page = await call('list-drafts', { page_size: PAGE_SIZE, page_token: nextPage })
    if (mine === asked) show([...[...shown.values()].map(({ draft }) => draft), ...(page.drafts ?? [])], page.next_page_token)
  } catch (error) {
    complain('More drafts cannot be listed', error)
  }
}

function show(drafts, token) {
  const before = shown
  nextPage = token
  // The one that was uploaded last lives longest, and is what people look for.
  drafts.sort((a, b) => b.expires_at.localeCompare(a.expires_at) || a.object_name.localeCompare(b.object_name))
  shown = new Map(drafts.map((draft) => [keyOf(draft), before.get(keyOf(draft)) ?? entry(draft)]))
  draw()
}

function draw() {
  const rows = [...shown.values()].map(({ element }) => element)
  if (rows.length === 0) rows.push(emptyRow('inbox', 'No drafts', 'What is uploaded waits here until it is confirmed, or expires.'))
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
      // Perhaps because it is not there any more, or another version is.
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
  // An answer that is under way may still have it.
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
