import { pageEntry } from '../../shared/entries.ts'
import type { CommentView, FeedPostView, PostView } from '../../shared/views.ts'
import { putComment, renderCard } from '../feed/card.ts'
import { TEXT } from '../feed/editing.ts'
import type { Feed } from '../feed/feed.ts'
import { closeEditor } from './editor.ts'
import { clearForm } from './fields.ts'
import { articleOf, type Page } from '../page/page.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'

/** The response to a form that the server accepted. */
export interface FormResponse {
  post?: (PostView & Partial<FeedPostView>) | undefined
  comment?: CommentView | undefined
}

/** Shows a post or comment that was sent. The event of the same change can arrive before or after the response. */
export function applyResponse(
  page: Page,
  feed: Feed,
  form: HTMLFormElement,
  { post, comment }: FormResponse,
): void {
  if (form.dataset.send === 'edit') showEdit(page, form, { post, comment })
  else if (comment) showComment(page, form, comment)
  else clearForm(form)
  if (!post || form.dataset.send !== 'post') return
  const entry = post.entry ?? pageEntry(post.entries, page.feeds)
  // If an event has shown the post already, the card may be newer than this response.
  if (entry && !articleOf(post.id)) feed.put({ ...post, entry }, { atOnce: true })
}

function showComment(page: Page, form: HTMLFormElement, comment: CommentView): void {
  const article = form.closest('.post') ?? document.querySelector('#live .post')
  if (article && !document.getElementById(`comment-${comment.id}`)) {
    withScrollAnchor(() => putComment(page, article, comment))
  }
  if (!form.closest('.post')) return clearForm(form)
  form.remove()
  article?.querySelector<HTMLElement>('[data-do="reply"]')?.focus({ preventScroll: true })
}

/** Shows the new text of a post or comment. The event updates the rest of the card. */
function showEdit(page: Page, form: HTMLFormElement, { post, comment }: FormResponse): void {
  const article = form.closest('.post')
  const text = form.parentElement?.querySelector(TEXT)
  withScrollAnchor(() => {
    closeEditor(form)
    if (comment && article) putComment(page, article, comment)
    if (!post || !text) return
    const card = renderCard(page, { ...post, entry: { at: '', reason: null, actor: null } })
    text.replaceChildren(...(card.querySelector('.post-text')?.childNodes ?? []))
  })
}
