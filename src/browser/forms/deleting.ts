import { post, tellRefusal } from '../page/api.ts'
import type { Feed } from '../feed/feed.ts'
import { keepPlace } from '../page/place.ts'

/** Asks once, deletes a post or a comment, and takes it off the page. */
export async function deleteAsked(feed: Feed, link: HTMLAnchorElement): Promise<void> {
  const item = link.closest('.comment')
  const id = link.closest<HTMLElement>('.post')?.dataset.post ?? ''
  if (!(await confirm(item ? 'Delete this comment?' : 'Delete this post, with its comments and likes?')))
    return
  try {
    await post(new URL(link.href).pathname)
    if (item) keepPlace(() => item.remove())
    else feed.remove(id)
  } catch (error) {
    tellRefusal(error)
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
