// Pictures in place of icons, for images, once they are in view.

import { call, nameOf } from './api.js'
import { h } from './dom.js'
import { kindOf } from './format.js'

/** A larger picture costs more than a thumbnail is worth: it keeps its icon. */
const MAX_BYTES = 12 * 1024 * 1024

const wanted = new WeakMap()

const inView = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue
    inView.unobserve(target)
    show(target, wanted.get(target))
  }
}, { rootMargin: '200px' })

/** Shows what is listed in `place` when that comes into view, if it is a picture. */
export function thumbnail(place, item, stage) {
  const size = Number(item.size)
  if (kindOf(item.object_name) !== 'image' || size > MAX_BYTES || size === 0) return
  wanted.set(place, { item, stage })
  inView.observe(place)
}

async function show(place, { item, stage }) {
  try {
    const issued = await call('download-url', { ...nameOf(item), stage, unchecked: true })
    const image = h('img', { alt: '', src: issued.download_url })
    // What does not decode leaves the icon as it is.
    await image.decode()
    place.replaceChildren(image)
  } catch {
    place.classList.add('plain')
  }
}
