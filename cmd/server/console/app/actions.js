// The actions on a draft: confirm and discard.

import { ApiError, call, draftRef } from './api.js'
import { button, open } from './dialog.js'
import { h } from './dom.js'
import { sentence, showError, showSuccess } from './toasts.js'

/**
 * Confirms the listed version of the draft, and no later one. If its name is in use, asks for another name, or whether to
 * replace the object. Resolves to true if the draft was confirmed.
 */
export async function confirmDraft(draft) {
  try {
    await confirm(draft)
    return true
  } catch (error) {
    if (error.code === 'OBJECT_ALREADY_EXISTS') return confirmWithOtherName(draft)
    showError(`${draft.object_name} was not confirmed`, error)
    return false
  }
}

/** Discards the draft after asking. Resolves to true if it was deleted. */
export async function discardDraft(draft) {
  if (!(await askToDiscard(draft))) return false
  try {
    await checkUnchanged(draft)
    await call('discard-draft', draftRef(draft))
    showSuccess(`Discarded ${draft.object_name}`)
    return true
  } catch (error) {
    showError(`${draft.object_name} was not discarded`, error)
    return false
  }
}

/** Throws an error if the name has another draft meanwhile, which nobody has asked to discard. */
async function checkUnchanged(draft) {
  const { etag } = await call('inspect-draft', draftRef(draft))
  if (etag !== draft.etag) throw new ApiError({ code: 'PIN_MISMATCH', detail: 'another file was uploaded with this name meanwhile' })
}

async function confirm(draft, more = {}) {
  const confirmed = await call('confirm-upload', { ...draftRef(draft), if_match: draft.etag, ...more })
  showSuccess(`Confirmed: ${confirmed.final_location}`)
}

function askToDiscard(draft) {
  return new Promise((resolve) => {
    let sure = false
    const dialog = open({
      title: 'Discard this draft?',
      kind: 'small',
      content: h('p', {}, h('strong', { dir: 'auto', class: 'name-inline' }, draft.object_name), ' is deleted at once. This cannot be undone.'),
      actions: [
        button('Keep it', { onclick: () => dialog.close(), autofocus: true }),
        button('Discard', {
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

/** Asks for another name until the draft is confirmed or the dialog is closed. */
function confirmWithOtherName(draft) {
  return new Promise((resolve) => {
    let confirmed = false
    const input = h('input', { id: 'destination', class: 'input', value: otherName(draft.object_name), autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'aria-describedby': 'destination-error' })
    const wrong = h('p', { id: 'destination-error', class: 'field-error', role: 'alert' })
    const form = h('form', { id: 'destination-form', method: 'dialog' },
      h('p', {}, 'The confirmed objects already hold another file named ', h('strong', { dir: 'auto', class: 'name-inline' }, draft.object_name), '.'),
      h('label', { for: 'destination' }, 'Keep this one as'),
      input,
      wrong,
    )
    let underWay = false
    const attempt = async (more) => {
      if (underWay || confirmed) return
      underWay = true
      wrong.textContent = ''
      try {
        await confirm(draft, more)
        confirmed = true
        dialog.close()
      } catch (error) {
        wrong.textContent = [error.message, ...error.errors.map(({ detail }) => detail)].map(sentence).join(' ')
        input.focus()
      } finally {
        underWay = false
      }
    }
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      attempt({ destination_name: input.value })
    })
    const dialog = open({
      title: 'That name is taken',
      kind: 'small',
      content: form,
      actions: [
        button('Replace the other', { kind: 'danger', onclick: () => attempt({ overwrite: true }) }),
        h('button', { type: 'submit', class: 'button primary', form: 'destination-form' }, 'Confirm'),
      ],
      onclose: () => resolve(confirmed),
    })
    input.focus()
    input.setSelectionRange(0, input.value.length)
  })
}

/** Returns another name: `a/photo.jpg` becomes `a/photo-2.jpg`. */
function otherName(name) {
  const [, stem, extension] = /^(.*?[^/]*?)(\.[^./]+)?$/s.exec(name)
  return `${stem}-2${extension ?? ''}`
}
