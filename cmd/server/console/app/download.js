// Saving a file, by a URL that tells the browser so.

import { call, nameOf } from './api.js'
import { h } from './dom.js'
import { parts } from './format.js'
import { complain } from './toasts.js'

/** As much as the API takes. */
const MAX_FILENAME_BYTES = 255

/** Has the browser save a draft or a confirmed object. */
export async function download(item, stage) {
  const { file } = parts(item.object_name)
  const fits = new TextEncoder().encode(file).length <= MAX_FILENAME_BYTES
  try {
    const issued = await call('download-url', {
      ...nameOf(item),
      stage,
      disposition: 'DISPOSITION_ATTACHMENT',
      ...(fits && { filename: file }),
    })
    h('a', { href: issued.download_url, download: file, rel: 'noreferrer' }).click()
  } catch (error) {
    complain(`${item.object_name} cannot be downloaded`, error)
  }
}
