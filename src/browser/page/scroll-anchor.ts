/** Keeps what the reader looks at in the same position while the page changes. */
import { rememberFocus } from './focus.ts'
import { linesBeingRead, writesOrSelects } from './reading.ts'
import { loadMorph } from './morph.ts'
import { isSliding, measure, slideFrom } from './slide.ts'

const TOP_AREA_PX = 40
const LONGEST_WAIT_MS = 2000
const RETRY_MS = 30
/** Then they are not gathered any longer. */
const MAX_WAITING = 1000
/** Scrolling by a script would end the scrolling of the reader. */
const SCROLL_END_MS = 100

type Change = () => void

const waiting: Change[] = []
const finishing: Change[] = []
let frame = 0
let timer = 0
let waitsSince = 0
/** While a change runs: whether the reader is at the top of the page. Otherwise null. */
let atTop: boolean | null = null
let goesToTop = false
/** The rest of a pixel that could not be scrolled. It is added to the next difference, so that rests do not add up. */
let rest = 0
/** How far `withScrollAnchor` has scrolled since the reader scrolled. */
let followed = 0
let position = window.scrollY
let scrolledAt = -SCROLL_END_MS
/** The line that stayed where it was. It is the best guess for the next change, until the reader scrolls. */
let kept: Element | null = null

window.addEventListener('scroll', () => {
  if (Math.abs(window.scrollY - position) <= 1) return
  position = window.scrollY
  scrolledAt = performance.now()
  rest = followed = 0
  kept = null
})

/** Whether new posts may be inserted at once: the reader is at the top, does not write and has selected no text. */
export function isAtTop(): boolean {
  return atTop ?? (window.scrollY - followed < TOP_AREA_PX && !writesOrSelects())
}

/** During a change: shows the top of the page afterwards, instead of keeping the position. */
export function goToTop(): void {
  goesToTop = true
}

/** Runs `finish` at the end of every change, as a part of it. */
export function afterChanges(finish: Change): void {
  finishing.push(finish)
}

/** Runs `change` in the next frame in which nothing slides and nobody scrolls. All changes of a frame are one change. */
export function changeSoon(change: Change): void {
  if (waiting.length >= MAX_WAITING) flushChanges()
  waiting.push(change)
  if (waiting.length === 1) void loadMorph().then(startWaiting)
}

function startWaiting(): void {
  waitsSince = performance.now()
  awaitFrame()
}

function awaitFrame(): void {
  clearTimeout(timer)
  const now = performance.now()
  const isBusy = isSliding() || now - scrolledAt < SCROLL_END_MS
  // A tab in the background has no frames.
  if (document.hidden) flushChanges()
  else if (isBusy && now - waitsSince < LONGEST_WAIT_MS) timer = window.setTimeout(awaitFrame, RETRY_MS)
  else frame = requestAnimationFrame(flushChanges)
}

document.addEventListener('visibilitychange', flushChanges)

/** Runs now the changes that wait for the next frame. */
export function flushChanges(): void {
  if (waiting.length > 0) withScrollAnchor(() => {})
}

/**
 * Runs `change`, which changes the page, without moving what the reader looks at, or `near` if it is given. The scroll
 * anchoring of browsers does not work at the top of a page, and Safari has none. So this function measures the position
 * of a visible line before and after the change, and scrolls by the difference. What moves nevertheless slides to its new
 * position: a reader can follow it, and it is not a layout shift. Runs the changes that wait for the next frame first.
 */
export function withScrollAnchor(change: Change, near: Element | null = null): void {
  if (atTop !== null) return change()
  atTop = isAtTop()
  goesToTop = false
  const lines = linesBeingRead(near, kept)
  const positions = measure()
  const restoreFocus = rememberFocus()
  cancelAnimationFrame(frame)
  clearTimeout(timer)
  for (const each of [...waiting.splice(0), change, ...finishing]) attempt(each)
  atTop = null
  const line = lines.find(({ element }) => element.isConnected)
  if (goesToTop) window.scrollTo({ top: 0, behavior: 'instant' })
  else if (line) follow(line.element.getBoundingClientRect().top - line.top)
  kept = (!goesToTop && line?.element) || null
  slideFrom(positions)
  restoreFocus()
}

function follow(moved: number): void {
  const before = window.scrollY
  const wanted = moved + rest
  if (wanted !== 0) window.scrollBy({ top: wanted, behavior: 'instant' })
  position = window.scrollY
  followed += position - before
  rest = wanted - (position - before)
  // At the end of the page there is nothing to scroll.
  if (Math.abs(rest) >= 1) rest = 0
}

/** A change that fails must not prevent the others. */
function attempt(change: Change): void {
  try {
    change()
  } catch (error) {
    console.error(error)
  }
}
