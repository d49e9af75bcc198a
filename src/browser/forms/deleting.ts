import { pageEntry } from '../../shared/entries.ts'
import type { CommentView, PostView } from '../../shared/views.ts'
import { commentsOf, putComment } from '../feed/card.ts'
import { TEXT } from '../feed/editing.ts'
import type { Feed } from '../feed/feed.ts'
import { postLikes } from '../feed/likes.ts'
import { post, showError } from '../page/api.ts'
import { articleOf, articles, newKey, type Page } from '../page/page.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'
import { confirm } from './confirm.ts'
import { offerUndo } from './undo.ts'

/**
 * Deletes a post or a comment at once. Asks first if that cannot be undone: others have commented on it or liked it, or
 * another person wrote it. Otherwise the message has a button that posts the same text again.
 */
export async function deleteAtOnce(
  page: Page,
  feed: Feed,
  link: HTMLAnchorElement,
  { byKeyboard }: { byKeyboard: boolean },
): Promise<void> {
  const article = link.closest<HTMLElement>('.post')
  if (!article || link.classList.contains('busy')) return
  const comment = link.closest<HTMLElement>('.comment')
  const question = questionFor(page, article, comment)
  link.classList.add('busy')
  if (question !== null && !(await confirm(question, { yes: 'Delete' }))) return link.classList.remove('busy')
  try {
    const restore = comment ? commentAgain(page, article, comment) : postAgain(page, feed, article)
    const neighbour = comment ? neighbourOfComment(article, comment) : neighbourOfPost(article)
    await post(new URL(link.href).pathname)
    if (comment) withScrollAnchor(() => comment.remove())
    else feed.remove(article.dataset.post ?? '')
    offerUndo(comment ? 'Comment deleted.' : 'Post deleted.', {
      undo: question === null ? restore : null,
      focus: byKeyboard,
      neighbour,
    })
  } catch (error) {
    link.classList.remove('busy')
    showError(error)
  }
}

/** The question to ask before the deletion; null if it can be undone. */
function questionFor(page: Page, article: HTMLElement, comment: HTMLElement | null): string | null {
  if (comment) {
    const author = comment.querySelector<HTMLElement>('.comment-by .name')
    if (author?.dataset.user !== page.me?.id) return `Delete the comment of ${author?.textContent}?`
    const likes = Number(comment.querySelector<HTMLElement>('.comment-likes')?.dataset.count)
    return likes > own(page.likes.comments, comment.dataset.comment)
      ? 'Delete this comment with its likes?'
      : null
  }
  if (article.dataset.author !== page.me?.id)
    return `Delete the post of ${article.querySelector('.by .name')?.textContent}?`
  const likes = postLikes(article).like_count - own(page.likes.posts, article.dataset.post)
  const isCommented =
    document.querySelector('.thread .earlier') !== null ||
    article.querySelector('.more') !== null ||
    commentsOf(article).some(
      (item) => item.querySelector<HTMLElement>('.comment-by .name')?.dataset.user !== page.me?.id,
    )
  return likes > 0 || isCommented ? 'Delete this post with its comments and likes?' : null
}

/** The number of likes that are the viewer's own. */
function own(likes: ReadonlyMap<string, boolean>, id = ''): number {
  return likes.get(id) ? 1 : 0
}

/** Returns a function that posts the text of the post again. It returns the element of the new post. */
function postAgain(page: Page, feed: Feed, article: HTMLElement): () => Promise<HTMLElement | null> {
  const body = article.querySelector('.post-text')?.textContent ?? ''
  const group = article.querySelector('.by a[href^="/groups/"]')?.getAttribute('href')?.split('/')[2]
  const key = newKey()
  return async () => {
    const response = await post<{ post: PostView }>('/posts', {
      body,
      client_key: key,
      ...(group && { group }),
    })
    if (page.postId) location.assign(`/posts/${response.post.id}`)
    const entry = pageEntry(response.post.entries, page.feeds)
    if (entry && !articleOf(response.post.id)) feed.put({ ...response.post, entry }, { atOnce: true })
    return articleOf(response.post.id)
  }
}

/** Returns a function that posts the text of the comment again. It returns the element of the new comment. */
function commentAgain(
  page: Page,
  article: HTMLElement,
  comment: HTMLElement,
): () => Promise<HTMLElement | null> {
  const body = comment.querySelector(TEXT)?.textContent ?? ''
  const id = article.dataset.post ?? ''
  const key = newKey()
  return async () => {
    const response = await post<{ comment: CommentView }>(`/posts/${id}/comments`, { body, client_key: key })
    const shown = articleOf(id)
    const created = () => document.getElementById(`comment-${response.comment.id}`)
    if (shown && !created()) withScrollAnchor(() => putComment(page, shown, response.comment))
    return created()?.querySelector<HTMLElement>('.when') ?? null
  }
}

function neighbourOfPost(article: HTMLElement): HTMLElement | null {
  const shown = articles()
  const index = shown.indexOf(article)
  return shown[index + 1] ?? shown[index - 1] ?? null
}

/** The time of the next comment, else of the one before, else the post. */
function neighbourOfComment(article: HTMLElement, comment: HTMLElement): HTMLElement {
  const shown = commentsOf(article)
  const index = shown.indexOf(comment)
  const neighbour = shown[index + 1] ?? shown[index - 1]
  return neighbour?.querySelector<HTMLElement>('.when') ?? article
}
