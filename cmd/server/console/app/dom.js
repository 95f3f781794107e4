// Creation of elements without HTML strings, so that file names are never parsed as markup.

/** Creates an element. Attributes that start with `on` are event listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== false))
  return element
}

/** Reorders the children of `parent`, moving only those out of place, so that focus and scroll position are kept. */
export function arrange(parent, children) {
  const wanted = new Set(children)
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove()
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null)
  })
}

/** Announces a text to screen readers. */
export function announce(text) {
  document.getElementById('announcer').textContent = text
}
