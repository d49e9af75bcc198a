import type { Idiomorph } from 'idiomorph'

let idiomorph: typeof Idiomorph | null = null
let loading: Promise<void> | null = null

/** Loads Idiomorph before its first use. If that fails, `morph` replaces elements as a whole. */
export function loadMorph(): Promise<void> {
  return (loading ??= import('idiomorph').then(
    (module) => void (idiomorph = module.Idiomorph),
    () => void (loading = null),
  ))
}

// Somebody who presses a button or a key may change a card.
for (const event of ['pointerdown', 'keydown'])
  addEventListener(event, () => void loadMorph(), { once: true })

/** The elements in a card that the reader opened: forms and lists of likers. An update does not touch them. */
const OPENED = 'form.reply, form.editor, .who'

/**
 * Changes `old` into `fresh` with as few changes as possible. Keeps the focus, the caret and what the reader opened.
 */
export function morph(old: Element, fresh: Element): void {
  carryOpened(old, fresh)
  if (!idiomorph) return old.replaceWith(fresh)
  // Idiomorph returns a promise only if it has changed <head>.
  void idiomorph.morph(old, fresh, {
    morphStyle: 'outerHTML',
    restoreFocus: false,
    callbacks: {
      beforeNodeMorphed: (node: Node) => !isOpened(node),
      beforeNodeRemoved: (node: Node) => !containsOpened(node),
      // The class marks a new card until its animation ends, and the others give its position in the feed.
      beforeAttributeUpdated: (name: string, element: Element) =>
        !(/^(class|aria-posinset|aria-setsize)$/.test(name) && element.matches('.post')),
    },
  })
}

/** Copies what the reader opened to the same position in `fresh`. Otherwise it would move behind what is new. */
function carryOpened(old: Element, fresh: Element): void {
  for (const opened of old.querySelectorAll(OPENED)) {
    const id = opened.closest('.comment')?.id ?? ''
    const item = id === '' || id === fresh.id ? fresh : fresh.querySelector(`#${id}`)
    const previous = item?.querySelector(`.${opened.previousElementSibling?.classList[0]}`)
    if (previous && !previous.nextElementSibling?.matches(OPENED)) previous.after(opened.cloneNode(true))
  }
}

function isOpened(node: Node): boolean {
  return node instanceof Element && node.matches(OPENED)
}

/** Whether the node is or contains an element that the reader opened, for example an editor. */
export function containsOpened(node: Node): boolean {
  return isOpened(node) || (node instanceof Element && node.querySelector(OPENED) !== null)
}
