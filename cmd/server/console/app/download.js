// Downloads, with a URL that makes the browser save the file.

import { call, draftRef } from './api.js'
import { h } from './dom.js'
import { parts } from './format.js'
import { showError } from './toasts.js'

/** The maximum length of a file name in the API, in bytes. */
const MAX_FILENAME_BYTES = 255

/** Saves a draft or a confirmed object. */
export async function download(item, stage) {
  const { file } = parts(item.object_name)
  const fits = new TextEncoder().encode(file).length <= MAX_FILENAME_BYTES
  try {
    const issued = await call('download-url', {
      ...draftRef(item),
      stage,
      disposition: 'DISPOSITION_ATTACHMENT',
      ...(fits && { filename: file }),
    })
    h('a', { href: issued.download_url, download: file, rel: 'noreferrer' }).click()
  } catch (error) {
    showError(`${item.object_name} cannot be downloaded`, error)
  }
}
