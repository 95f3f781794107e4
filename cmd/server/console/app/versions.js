// The delete of a confirmed object, and its versions.

import { call } from './api.js'
import { button, open } from './dialog.js'
import { h } from './dom.js'
import { bytes, moment } from './format.js'
import { showError, showSuccess } from './toasts.js'

/** The maximum number of versions that are shown. */
const MAX_SHOWN = 100

/** True if the server keeps a copy of each object that is replaced or deleted, where the main bucket has no versions. */
const keepsCopies = 'keepsCopies' in document.documentElement.dataset

/** Returns true if the main bucket keeps versions of the object. */
export function isVersioned({ version_id }) {
  return Boolean(version_id) && version_id !== 'null'
}

/** Returns true if older versions of the object may be kept, or copies in their place. */
export function hasVersions(object) {
  return keepsCopies || isVersioned(object)
}

/** Deletes the described version of an object, after asking. Resolves to true if it was deleted. */
export async function deleteObject(object, restored) {
  if (!(await askToDelete(object))) return false
  const { object_name } = object
  try {
    const { can_be_undone } = await call('delete-object', { object_name, if_match: object.etag })
    showSuccess(`Deleted ${object_name}`, can_be_undone ? () => restore({ object_name }, restored) : undefined)
    return true
  } catch (error) {
    showError(`${object_name} was not deleted`, error)
    return false
  }
}

function askToDelete(object) {
  return new Promise((resolve) => {
    let sure = false
    const consequence = isVersioned(object)
      ? ' is deleted. The store keeps its versions.'
      : keepsCopies
        ? ' is deleted. The server keeps a copy for some time.'
        : ' is deleted at once. This cannot be undone.'
    const dialog = open({
      title: 'Delete this file?',
      kind: 'small',
      content: h('p', {}, h('strong', { dir: 'auto', class: 'name-inline' }, object.object_name), consequence),
      actions: [
        button('Keep it', { onclick: () => dialog.close(), autofocus: true }),
        button('Delete', {
          kind: 'danger',
          symbol: 'trash',
          onclick: () => {
            sure = true
            dialog.close()
          },
        }),
      ],
      onclose: () => resolve(sure),
    })
  })
}

/** Opens a dialog with the versions of an object. After a restore, `restored` is called. */
export async function showVersions(object, restored) {
  const { object_name } = object
  let versions
  try {
    ;({ versions = [] } = await call('list-versions', { object_name, page_size: MAX_SHOWN }))
  } catch (error) {
    showError(`The versions of ${object_name} cannot be listed`, error)
    return
  }
  const choose = async (version) => {
    dialog.close()
    await restore({ object_name, version_id: version.version_id, if_match: object.etag }, restored)
  }
  const dialog = open({
    title: `Versions of ${object_name}`,
    kind: 'small',
    content: versions.length > 0
      ? h('ul', { class: 'versions', 'aria-label': 'Versions' }, ...versions.map((version) => versionRow(version, choose)))
      : h('p', {}, 'No older version is kept.'),
    actions: [button('Done', { onclick: () => dialog.close(), autofocus: true })],
  })
}

function versionRow(version, choose) {
  const when = moment(version.created_at)
  const facts = [when, version.is_delete_marker ? 'deleted' : bytes(version.size), version.is_current && 'current'].filter(Boolean)
  const canRestore = !version.is_current && !version.is_delete_marker
  return h('li', {},
    h('span', {}, facts.join(' · ')),
    canRestore && button('Restore', { 'aria-label': `Restore the version of ${when}`, onclick: () => choose(version) }))
}

async function restore(version, restored) {
  try {
    await call('restore-version', version)
    showSuccess(`Restored ${version.object_name}`)
    restored()
  } catch (error) {
    showError(`${version.object_name} was not restored`, error)
  }
}
