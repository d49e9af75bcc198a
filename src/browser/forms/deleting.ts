import { post, showError } from '../page/api.ts'
import type { Feed } from '../feed/feed.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'

/** Asks for confirmation, deletes a post or a comment, and removes it from the page. */
export async function confirmAndDelete(feed: Feed, link: HTMLAnchorElement): Promise<void> {
  const comment = link.closest('.comment')
  const id = link.closest<HTMLElement>('.post')?.dataset.post ?? ''
  if (!(await confirm(comment ? 'Delete this comment?' : 'Delete this post with its comments and likes?')))
    return
  try {
    await post(new URL(link.href).pathname)
    if (comment) withScrollAnchor(() => comment.remove())
    else feed.remove(id)
  } catch (error) {
    showError(error)
  }
}

function confirm(question: string): Promise<boolean> {
  const dialog = document.querySelector<HTMLDialogElement>('#confirm')
  const text = document.getElementById('confirm-text')
  if (!dialog || !text) return Promise.resolve(window.confirm(question))
  text.textContent = question
  dialog.returnValue = 'no'
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true })
  })
}
