import { say } from './status.ts'

/**
 * Call it before a change. If the change removes the post or comment that has the focus, the returned function moves the
 * focus to the next one, the previous one, or the composer, and announces what happened.
 */
export function rememberFocus(): () => void {
  const active = document.activeElement
  const comment = active?.closest('#live .comment')
  const post = active?.closest('#live .post')
  if (!active || !post) return () => {}
  const others = [comment, comment?.nextElementSibling, comment?.previousElementSibling]
  others.push(post, post.nextElementSibling, post.previousElementSibling)
  return () => {
    if (active.isConnected || document.activeElement !== document.body) return
    const next = others.find((item) => item?.isConnected && item.matches('.comment, .post'))
    focusOn(next ?? document.querySelector('.composer textarea') ?? document.querySelector('main'))
    if (!post.isConnected) say('The post was removed.')
    else if (comment && !comment.isConnected) say('The comment was removed.')
  }
}

/** Moves the focus without scrolling. */
export function focusOn(element: Element | null): void {
  if (!(element instanceof HTMLElement)) return
  if (element.tabIndex < 0) element.tabIndex = -1
  element.focus({ preventScroll: true })
}
