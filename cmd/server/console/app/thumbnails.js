// Thumbnails of images, loaded when they scroll into view.

import { call, draftRef } from './api.js'
import { h } from './dom.js'
import { kindOf } from './format.js'

/** The maximum size of an image with a thumbnail, in bytes. */
const MAX_BYTES = 12 * 1024 * 1024

const wanted = new WeakMap()

const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue
    inView.unobserve(target)
    show(target, wanted.get(target))
  }
}, { rootMargin: '200px' })

/** Shows the thumbnail of an image in `place` when it scrolls into view. */
export function thumbnail(place, item, stage) {
  const size = Number(item.size)
  if (kindOf(item.object_name) !== 'image' || size > MAX_BYTES || size === 0) return
  wanted.set(place, { item, stage })
  inView.observe(place)
}

async function show(place, { item, stage }) {
  try {
    const issued = await call('download-url', { ...draftRef(item), stage, unchecked: true })
    const image = h('img', { alt: '', src: issued.download_url })
    // If the image cannot be decoded, the icon stays.
    await image.decode()
    place.replaceChildren(image)
  } catch {
    place.classList.add('plain')
  }
}
