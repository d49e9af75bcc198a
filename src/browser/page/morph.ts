import { Idiomorph } from 'idiomorph'

/** What was opened in a card is the reader's, and stays as it is. */
const OWN = 'form.reply, form.editor, .who'

/** Makes `old` look like `fresh` by the smallest change: focus, caret and what was opened stay. */
export function morph(old: Element, fresh: Element): void {
  // Nothing here loads, so nothing is waited for.
  void Idiomorph.morph(old, fresh, {
    morphStyle: 'outerHTML',
    restoreFocus: false,
    callbacks: {
      beforeNodeMorphed: (node: Node) => !isOwn(node),
      beforeNodeRemoved: (node: Node) => !holdsOwn(node),
      // A card that has just come in stays marked for its moment.
      beforeAttributeUpdated: (name: string, element: Element) =>
        !(name === 'class' && element.matches('.post')),
    },
  })
}

function isOwn(node: Node): boolean {
  return node instanceof Element && node.matches(OWN)
}

/** Whether something of the reader's is open in there, an editor, say. */
export function holdsOwn(node: Node): boolean {
  return isOwn(node) || (node instanceof Element && node.querySelector(OWN) !== null)
}
