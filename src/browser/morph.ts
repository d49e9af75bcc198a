import { Idiomorph } from 'idiomorph'

/** Forms that were opened in a card are the reader's, and stay as they are. */
const OWN = 'form.reply, form.editor'

/** Makes `old` look like `fresh` by the smallest change: focus, caret and what was opened stay. */
export function morph(old: Element, fresh: Element): void {
  // Nothing here loads, so nothing is waited for.
  void Idiomorph.morph(old, fresh, {
    morphStyle: 'outerHTML',
    restoreFocus: false,
    callbacks: {
      beforeNodeMorphed: (node: Node) => !isOwn(node),
      beforeNodeRemoved: (node: Node) => !isOwn(node),
      // A card that has just come in stays marked for its moment.
      beforeAttributeUpdated: (name: string, element: Element) =>
        !(name === 'class' && element.matches('.post')),
    },
  })
}

function isOwn(node: Node): boolean {
  return node instanceof Element && node.matches(OWN)
}
