// One click, one action. The second click of a double click, or a key that is held down, may hit what has taken the place of
// a row or of a dialog meanwhile.

/** The parts of the page that move after an action. */
const MOVING = '.rows, dialog'

/** Ignores second clicks and held keys on everything that moves. */
export function startGuard() {
  const ignore = (event) => {
    if (!event.target.closest?.(MOVING)) return
    event.preventDefault()
    event.stopPropagation()
  }
  document.addEventListener('click', (event) => event.detail > 1 && ignore(event), { capture: true })
  document.addEventListener('keydown', (event) => {
    if (event.repeat && (event.key === 'Enter' || event.key === ' ') && event.target.closest?.('button, a')) ignore(event)
  }, { capture: true })
}
