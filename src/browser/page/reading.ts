/** Guesses which line of the page the reader looks at. */

export interface Line {
  element: Element
  /** Its distance from the top of the window, in CSS pixels. */
  top: number
}

const BLOCKS = '.why, .by, .post-text, .meta, .likes, .comment-count, .comment, .more, .editor, .reply'

/** The best guess first, then others, because a change may remove any of them. */
export function linesBeingRead(near: Element | null, kept: Element | null): Line[] {
  const chosen = [near, focusedField(), selectedElement(), focusedElement(), kept]
    .filter((element) => element != null)
    .map((element) => ({ element, rect: element.getBoundingClientRect() }))
    .filter(({ rect }) => rect.bottom > 0 && rect.top < window.innerHeight)
  return [...chosen, ...linesInTheMiddle()].map(({ element, rect }) => ({ element, top: rect.top }))
}

/** An empty composer that has the focus is not written in: what comes below it does not matter. */
export function writesOrSelects(): boolean {
  const field = focusedField()
  return (
    (field !== null && (field.value !== '' || field.closest('#live') !== null)) || selectedElement() !== null
  )
}

/** The blocks of the visible posts, the nearest to the middle of the window first. */
function linesInTheMiddle(): { element: Element; rect: DOMRect }[] {
  const middle = window.innerHeight / 2
  const distance = ({ top, bottom }: DOMRect) => Math.max(top - middle, middle - bottom, 0)
  return [...document.querySelectorAll('#live .post')]
    .filter((post) => distance(post.getBoundingClientRect()) < middle)
    .flatMap((post) => [...post.querySelectorAll(BLOCKS)])
    .map((element) => ({ element, rect: element.getBoundingClientRect() }))
    .filter(({ rect }) => rect.height > 0)
    .sort((a, b) => distance(a.rect) - distance(b.rect))
}

function focusedField(): HTMLTextAreaElement | null {
  const active = document.activeElement
  return active?.matches('main :is(textarea, select, input)') ? (active as HTMLTextAreaElement) : null
}

function focusedElement(): Element | null {
  const active = document.activeElement
  // A clicked button has the focus too, but the reader does not look at it. It does not match `:focus-visible`.
  return active?.matches('#live .post:focus-visible, #live .post :focus-visible') ? active : null
}

function selectedElement(): Element | null {
  const selection = window.getSelection()
  if (!selection || selection.isCollapsed) return null
  const node = selection.anchorNode
  const element = node instanceof Element ? node : (node?.parentElement ?? null)
  return element?.closest('#live .post') ? element : null
}
