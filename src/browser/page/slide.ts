/** Lets what a change has moved slide from its old position to the new one. */

const DURATION_MS = 150
/** How many windows away an element can be and still become visible by a change. */
const NEAR = 3
const MOVABLE = 'main > :not(#live), #live > :not(#feed, .waiting), .foot'
const PARTS = '.post-main > *, .comments > li'

type Positions = Map<Element, number>

let slides: Animation[] = []

/** The positions of everything that is visible, or can become visible by a change. */
export function measure(): Positions {
  const positions: Positions = new Map()
  const height = window.innerHeight
  function add(element: Element): boolean {
    const { top, bottom } = element.getBoundingClientRect()
    const isNear = top < bottom && bottom > -NEAR * height && top < (1 + NEAR) * height
    if (isNear) positions.set(element, top)
    return isNear
  }
  if (document.hidden) return positions
  for (const element of document.querySelectorAll(MOVABLE)) add(element)
  for (const post of document.querySelectorAll('#live .post')) {
    if (add(post)) for (const part of post.querySelectorAll(PARTS)) add(part)
  }
  return positions
}

/** Whether something slides. A change meanwhile is a layout shift: the browser sees two movements in a frame. */
export function isSliding(): boolean {
  slides = slides.filter(({ playState }) => playState === 'running')
  return slides.length > 0
}

/**
 * A transform changes nothing in the layout, so the browser counts no layout shift. The transforms of several changes add
 * up. So no slide interrupts another, and `measure` returns positions whose differences are those of the layout.
 */
export function slideFrom(positions: Positions): void {
  const isReduced = matchMedia('(prefers-reduced-motion: reduce)').matches
  const duration = isReduced ? 1 : DURATION_MS
  const moved = new Map<Element, number>()
  for (const [element, top] of positions) {
    if (element.isConnected) moved.set(element, top - element.getBoundingClientRect().top)
  }
  for (const [element, difference] of moved) {
    const top = positions.get(element)!
    let parent = element.parentElement
    while (parent && !moved.has(parent)) parent = parent.parentElement
    const own = difference - ((parent && moved.get(parent)) ?? 0)
    // A burst at the top can move what was visible by many windows.
    const wasVisible = top < window.innerHeight && top > -window.innerHeight
    if (Math.abs(own) < 1 || (!wasVisible && Math.abs(own) > NEAR * window.innerHeight)) continue
    const transform = [`translateY(${own}px)`, 'none']
    slides.push(element.animate({ transform, composite: 'add' }, { duration, easing: 'ease-out' }))
  }
}
