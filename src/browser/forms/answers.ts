import { leadEntry } from '../../shared/entries.ts'
import type { CommentView, FeedPostView, PostView } from '../../shared/views.ts'
import { putComment, renderCard } from '../feed/card.ts'
import { closeEditor, TEXT } from '../feed/editing.ts'
import type { Feed } from '../feed/feed.ts'
import { clearForm } from './forms.ts'
import { articleOf, type Page } from '../page/page.ts'
import { keepPlace } from '../page/place.ts'

/** What the server answers to a form that it accepted. */
export interface Sent {
  post?: (PostView & Partial<FeedPostView>) | undefined
  comment?: CommentView | undefined
}

/** Shows what was sent, at once; the frame that follows finds it there. */
export function showAnswer(page: Page, feed: Feed, form: HTMLFormElement, { post, comment }: Sent): void {
  if (form.dataset.send === 'edit') showEdit(page, form, { post, comment })
  else if (comment) showComment(page, form, comment)
  else clearForm(form)
  if (!post || form.dataset.send !== 'post') return
  const entry = post.entry ?? leadEntry(post.entries, page.feeds)
  // A frame may have been faster, and know more by now.
  if (entry && !articleOf(post.id)) feed.put({ ...post, entry }, { atOnce: true })
}

function showComment(page: Page, form: HTMLFormElement, comment: CommentView): void {
  const article = form.closest('.post') ?? document.querySelector('#live .post')
  if (article && !document.getElementById(`comment-${comment.id}`)) {
    keepPlace(() => putComment(page, article, comment))
  }
  if (!form.closest('.post')) return clearForm(form)
  form.remove()
  article?.querySelector<HTMLElement>('[data-do="reply"]')?.focus({ preventScroll: true })
}

/** The answer holds the new text; the frame brings the rest. */
function showEdit(page: Page, form: HTMLFormElement, { post, comment }: Sent): void {
  const article = form.closest('.post')
  const text = form.parentElement?.querySelector(TEXT)
  keepPlace(() => {
    closeEditor(form)
    if (comment && article) putComment(page, article, comment)
    if (!post || !text) return
    const card = renderCard(page, { ...post, entry: { at: '', reason: null, actor: null } })
    text.replaceChildren(...(card.querySelector('.post-text')?.childNodes ?? []))
  })
}
