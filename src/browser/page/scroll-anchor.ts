/** Keeps what the reader looks at in the same position while the page changes. */

const TOP_AREA_PX = 40

/** Whether a new post may be inserted at once: the reader is at the top, does not write and has selected no text. */
export function isAtTop(): boolean {
  return window.scrollY < TOP_AREA_PX && !focusedTextarea() && !selectedElement()
}

/**
 * Runs `change`, which changes the page, without moving what the reader looks at. The scroll anchoring of browsers does
 * not work at the top of a page, and Safari has none. So this function measures the position of a visible element
 * before and after the change, and scrolls by the difference.
 */
export function withScrollAnchor(change: () => void): void {
  const anchors = scrollAnchors()
  change()
  const anchor = anchors.find(({ element }) => element.isConnected)
  if (!anchor) return
  const moved = anchor.element.getBoundingClientRect().top - anchor.top
  if (Math.abs(moved) >= 1) window.scrollBy({ top: moved, behavior: 'instant' })
}

/** Several candidates, the best first, because the change may remove any of them. */
function scrollAnchors(): { element: Element; top: number }[] {
  const active = [focusedTextarea(), selectedElement(), focusedElement()].filter(
    (element) => element !== null,
  )
  const candidates = window.scrollY > 0 ? [...active, ...firstVisible()] : active
  return candidates
    .map((element) => ({ element, top: element.getBoundingClientRect().top }))
    .filter(({ top }) => top >= 0 && top < window.innerHeight)
}

function firstVisible(): Element[] {
  const top = document.querySelector('.bar')?.getBoundingClientRect().bottom ?? 0
  const posts = [...document.querySelectorAll('#live .post')]
  const first = posts.findIndex((post) => post.getBoundingClientRect().bottom > top)
  if (first === -1) return []
  return posts
    .slice(first, first + 3)
    .flatMap((post) => [...post.querySelectorAll('.by, .post-text, .meta, .comment, .more')])
    .filter((block) => block.getBoundingClientRect().top >= top)
}

function focusedTextarea(): Element | null {
  const active = document.activeElement
  return active?.matches('#live textarea') ? active : null
}

function focusedElement(): Element | null {
  const active = document.activeElement
  // A clicked button has the focus too, but the reader does not look at it. It does not match `:focus-visible`.
  return active?.matches('#live .post, #live .post :focus-visible') ? active : null
}

function selectedElement(): Element | null {
  const selection = window.getSelection()
  if (!selection || selection.isCollapsed) return null
  const node = selection.anchorNode
  const element = node instanceof Element ? node : (node?.parentElement ?? null)
  return element?.closest('#live .post') ? element : null
}
