/** Where the reader is, and staying there while the page changes. */

const NEAR_TOP = 40

/** Whether new posts may come in by themselves: nobody is further down, writes, or marks something. */
export function isAtTop(): boolean {
  return window.scrollY < NEAR_TOP && !writing() && !selected()
}

/**
 * Makes a change without moving what is being read. Browsers' own anchoring does nothing at the top of the page, and
 * Safari has none: so measure something visible, change, and scroll by the difference.
 */
export function keepPlace(change: () => void): void {
  const marks = readingMarks()
  change()
  const mark = marks.find(({ element }) => element.isConnected)
  if (!mark) return
  const moved = mark.element.getBoundingClientRect().top - mark.top
  if (Math.abs(moved) >= 1) window.scrollBy({ top: moved, behavior: 'instant' })
}

/** Several, the best first: any of them may be gone after the change. */
function readingMarks(): { element: Element; top: number }[] {
  const attended = [writing(), selected(), focused()].filter((element) => element !== null)
  const candidates = window.scrollY > 0 ? [...attended, ...firstVisible()] : attended
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

function writing(): Element | null {
  const active = document.activeElement
  return active?.matches('#live textarea') ? active : null
}

function focused(): Element | null {
  const active = document.activeElement
  // A button that was clicked has the focus too, but nobody looks for it there.
  return active?.matches('#live .post, #live .post :focus-visible') ? active : null
}

function selected(): Element | null {
  const selection = window.getSelection()
  if (!selection || selection.isCollapsed) return null
  const node = selection.anchorNode
  const element = node instanceof Element ? node : (node?.parentElement ?? null)
  return element?.closest('#live .post') ? element : null
}
