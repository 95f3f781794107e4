// What is done with a draft: confirmed, or discarded.

import { call, nameOf } from './api.js'
import { button, open } from './dialog.js'
import { h } from './dom.js'
import { complain, sentence, tell } from './toasts.js'

/**
 * Confirms the draft as it was listed, and no later version. Where its name is taken, asks for another, or whether to
 * replace. Answers whether it was confirmed.
 */
export async function confirmDraft(draft) {
  try {
    await confirm(draft)
    return true
  } catch (error) {
    if (error.code === 'OBJECT_ALREADY_EXISTS') return confirmElsewhere(draft)
    complain(`${draft.object_name} was not confirmed`, error)
    return false
  }
}

/** Discards the draft if the person in front of the page is sure. Answers whether it is gone. */
export async function discardDraft(draft) {
  if (!(await isSure(draft))) return false
  try {
    await call('discard-draft', nameOf(draft))
    tell(`Discarded ${draft.object_name}`)
    return true
  } catch (error) {
    complain(`${draft.object_name} was not discarded`, error)
    return false
  }
}

async function confirm(draft, more = {}) {
  const kept = await call('confirm-upload', { ...nameOf(draft), if_match: draft.etag, ...more })
  tell(`Confirmed: ${kept.final_location}`)
}

function isSure(draft) {
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

/** The name is taken: asks until it is confirmed, or until the dialog is closed. */
function confirmElsewhere(draft) {
  return new Promise((resolve) => {
    let confirmed = false
    const input = h('input', { id: 'destination', class: 'input', value: another(draft.object_name), autocomplete: 'off', spellcheck: 'false', dir: 'auto', 'aria-describedby': 'destination-error' })
    const wrong = h('p', { id: 'destination-error', class: 'field-error', role: 'alert' })
    const form = h('form', { id: 'destination-form', method: 'dialog' },
      h('p', {}, 'The confirmed objects already hold another file named ', h('strong', { dir: 'auto', class: 'name-inline' }, draft.object_name), '.'),
      h('label', { for: 'destination' }, 'Keep this one as'),
      input,
      wrong,
    )
    const attempt = async (more) => {
      wrong.textContent = ''
      try {
        await confirm(draft, more)
        confirmed = true
        dialog.close()
      } catch (error) {
        wrong.textContent = [error.message, ...error.errors.map(({ detail }) => detail)].map(sentence).join(' ')
        input.focus()
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

/** `a/photo.jpg` becomes `a/photo-2.jpg`. */
function another(name) {
  const [, stem, extension] = /^(.*?[^/]*?)(\.[^./]+)?$/s.exec(name)
  return `${stem}-2${extension ?? ''}`
}
