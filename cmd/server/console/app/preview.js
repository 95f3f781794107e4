// Previews of drafts and confirmed objects.
//
// Uploaded content must never be executed here. Images, audio and video are shown by elements that execute nothing, and
// text is inserted as text. Everything else is opened or saved from the origin of the store.

import { call, draftRef } from './api.js'
import { button, open } from './dialog.js'
import { h } from './dom.js'
import { download } from './download.js'
import { bytes, kindOf, moment } from './format.js'
import { icon } from './icons.js'
import { showError } from './toasts.js'
import { deleteObject, hasVersions, isVersioned, showVersions } from './versions.js'

/** The maximum size of a text preview, in bytes. */
const MAX_TEXT = 128 * 1024

/** The media types that browsers display without executing content. The server leaves their disposition inline. */
const OPENED = /^(application\/pdf|text\/plain|application\/json|text\/csv)\b/

/** The states of checks that have not ended. */
const CHECKABLE = ['CHECK_STATE_UPLOADED', 'CHECK_STATE_CHECKING']

/** The states of checks, in words. */
const CHECKS = {
  CHECK_STATE_UPLOADED: () => 'not checked yet',
  CHECK_STATE_CHECKING: ({ running = [] }) => `running: ${running.join(', ')}`,
  CHECK_STATE_ACCEPTED: ({ content_type: type }) => (type ? `accepted as ${type}` : 'accepted'),
  CHECK_STATE_REJECTED: () => 'rejected',
}

/**
 * Opens a dialog with a preview of a draft or a confirmed object. For drafts, `act` performs 'confirm' or 'discard' and
 * resolves to true if the draft no longer exists. For objects, `changed` is called after a delete or a restore.
 */
export async function preview(item, { stage, act, changed }) {
  let issued
  let inspected = {}
  try {
    const isDraft = stage === 'STAGE_DRAFT'
    ;[issued, inspected] = await Promise.all([
      call('download-url', { ...draftRef(item), stage }),
      call(isDraft ? 'inspect-draft' : 'get-object', draftRef(item)),
    ])
  } catch (error) {
    showError(`${item.object_name} cannot be shown`, error)
    return
  }
  const actions = [button('Download', { symbol: 'download', onclick: () => download(item, stage) })]
  if (OPENED.test(issued.content_type ?? '')) {
    actions.unshift(h('a', { class: 'button', href: issued.download_url, target: '_blank', rel: 'noopener noreferrer' },
      icon('open'), h('span', { class: 'label' }, 'Open')))
  }
  const isRejected = () => inspected.checks?.state === 'CHECK_STATE_REJECTED'
  if (act) actions.push(...draftActions((action) => finish(action), isRejected()))
  if (CHECKABLE.includes(inspected.checks?.state)) actions.unshift(checkButton(item, inspected, () => showDetails()))
  if (changed) actions.push(...objectActions(inspected, () => dialog.close(), changed))
  const dialog = open({
    title: item.object_name,
    kind: 'preview',
    content: h('div', { class: 'preview-grid' }, view(item, issued, stage), details(item, issued, inspected)),
    actions,
  })
  const showDetails = () => {
    dialog.querySelector('.details').replaceWith(details(item, issued, inspected))
    if (isRejected()) dialog.querySelector('.dialog-foot .primary')?.remove()
  }
  const finish = async (action) => {
    const buttons = dialog.querySelectorAll('.dialog-foot button')
    for (const { disabled } of buttons) if (disabled) return
    for (const each of buttons) each.disabled = true
    if (await act(action)) dialog.close()
    for (const each of buttons) each.disabled = false
  }
}

/** Creates a button that checks the draft, until its checks have ended. */
function checkButton(item, inspected, changed) {
  const onclick = async () => {
    check.disabled = true
    try {
      inspected.checks = (await call('check-draft', draftRef(item))).checks
      if (!CHECKABLE.includes(inspected.checks?.state)) check.remove()
      changed()
    } catch (error) {
      showError(`${item.object_name} cannot be checked`, error)
    }
    check.disabled = false
  }
  const check = button('Check', { symbol: 'check', onclick })
  return check
}

/** Creates the buttons for a draft. One that checks have rejected cannot be confirmed, and the details say why. */
function draftActions(finish, isRejected) {
  return [
    button('Discard', { symbol: 'trash', kind: 'danger', onclick: () => finish('discard'), autofocus: isRejected }),
    !isRejected && button('Confirm', { symbol: 'check', kind: 'primary', onclick: () => finish('confirm'), autofocus: true }),
  ].filter(Boolean)
}

function objectActions(object, close, changed) {
  const remove = async () => {
    if (!(await deleteObject(object, changed))) return
    close()
    changed()
  }
  const restored = () => {
    close()
    changed()
  }
  return [
    hasVersions(object) && button('Versions', { symbol: 'history', onclick: () => showVersions(object, restored) }),
    button('Delete', { symbol: 'trash', kind: 'danger', onclick: remove }),
  ].filter(Boolean)
}

function view(item, issued, stage) {
  const src = issued.download_url
  const kind = kindOf(item.object_name, known(issued.content_type))
  const container = h('div', { class: `view ${kind}` })
  const fail = () => container.replaceChildren(none(kind, 'This file cannot be shown here.'))
  if (Number(issued.size) === 0) container.append(none(kind, 'This file is empty.'))
  else if (kind === 'image') container.append(h('img', { src, alt: `Preview of ${item.object_name}`, onerror: fail }))
  else if (kind === 'video') container.append(h('video', { src, controls: true, preload: 'metadata', playsinline: true, onerror: fail }))
  else if (kind === 'audio') container.append(icon('audio'), h('audio', { src, controls: true, preload: 'metadata', onerror: fail }))
  // The main bucket has no CORS rules, so that this page cannot read its texts.
  else if (kind === 'text' && stage === 'STAGE_DRAFT') readInto(container, src, Number(issued.size)).catch(fail)
  else if (OPENED.test(issued.content_type ?? '')) container.append(none(kind, 'Open the file to view it.'))
  else container.append(none(kind, 'No preview for this kind of file.'))
  return container
}

/** Returns the media type, or an empty string for the default type of stores, which says nothing about the content. */
function known(contentType = '') {
  return /^(application|binary)\/octet-stream\b/.test(contentType) ? '' : contentType
}

async function readInto(container, src, size) {
  const response = await fetch(src, { headers: { range: `bytes=0-${MAX_TEXT - 1}` } })
  if (!response.ok) throw new Error(`the store responded with ${response.status}`)
  const text = new TextDecoder().decode((await response.arrayBuffer()).slice(0, MAX_TEXT))
  if (text.includes('\0')) throw new Error('the file is not text')
  container.append(h('pre', { tabindex: '0', dir: 'auto', 'aria-label': 'Content' }, text))
  if (size > MAX_TEXT) container.append(h('p', { class: 'cut' }, `The first ${bytes(MAX_TEXT)} of ${bytes(size)}.`))
}

function none(kind, text) {
  return h('div', { class: 'no-view' }, icon(kind), h('p', {}, text))
}

function details(item, issued, inspected) {
  const facts = [
    ['Size', `${bytes(issued.size)}${Number(issued.size) >= 1024 ? ` (${Number(issued.size).toLocaleString('en')} bytes)` : ''}`],
    ['Type', issued.content_type],
    ['Checks', CHECKS[inspected.checks?.state]?.(inspected.checks)],
    ...(inspected.checks?.reasons ?? []).map(({ check, detail }) => [`Rejected by ${check}`, detail]),
    ['Expires', inspected.expires_at && moment(inspected.expires_at)],
    ['Confirmed', inspected.confirmed_at && moment(inspected.confirmed_at)],
    ['Class', inspected.storage_class],
    ['Encryption', inspected.encryption],
    ['Kept until', inspected.retention && moment(inspected.retention.until)],
    ['Legal hold', inspected.legal_hold && 'on'],
    ['Cache', inspected.cache_control],
    ['ETag', issued.etag, 'code'],
    ['SHA-256', inspected.checksum_sha256 ?? inspected.checksums?.sha256, 'code'],
    ['Draft ID', item.draft_id ?? inspected.draft_id, 'code'],
    ['Version', isVersioned(inspected) && inspected.version_id, 'code'],
    ...Object.entries(inspected.metadata ?? {}),
    ...Object.entries(inspected.tags ?? {}).map(([name, value]) => [`Tag ${name}`, value || '(empty)']),
  ]
  const rows = facts
    .filter(([, value]) => value)
    .map(([name, value, type]) => h('div', {}, h('dt', {}, name), h('dd', { class: type, dir: 'auto' }, value)))
  return h('dl', { class: 'details' }, ...rows)
}
