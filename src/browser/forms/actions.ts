import type { CommentView } from '../../shared/views.ts'
import type { Pages } from '../../shared/pages.ts'
import { get, post, showError } from '../page/api.ts'
import { commentsOf, putComment } from '../feed/card.ts'
import { setLikes } from '../page/like-state.ts'
import { renderElement, type Page } from '../page/page.ts'

/** Follows or unfollows a person without leaving the page. On the home page, a `reset` then updates the posts. */
export async function toggleFollow(page: Page, form: HTMLFormElement): Promise<void> {
  if (form.classList.contains('busy')) return
  const [, , username = '', verb] = (form.getAttribute('action') ?? '').split('/')
  form.classList.add('busy')
  page.followedAt = Date.now()
  try {
    const { user } = await post<{ user: object }>(`/users/${username}/${verb}`)
    const followed = verb === 'follow'
    const fresh = renderElement(page, 'follow', { person: { ...user, username, followed } })
    const focused = form.contains(document.activeElement)
    form.replaceWith(fresh)
    if (focused) fresh.querySelector('button')?.focus({ preventScroll: true })
  } catch (error) {
    form.classList.remove('busy')
    showError(error)
  }
}

/** At most so many hundreds of comments are shown in a feed. More are shown only on the page of the post. */
const MAX_PAGES = 5

/** Shows all comments of a post in place of the link "N more comments". */
export async function expandComments(page: Page, link: HTMLAnchorElement): Promise<void> {
  const article = link.closest<HTMLElement>('.post')
  const id = article?.dataset.post ?? ''
  if (!article || link.classList.contains('busy')) return
  link.classList.add('busy')
  try {
    const comments = await fetchComments(page, id)
    if (!comments) return location.assign(link.href)
    page.expanded.add(id)
    article.querySelector('.more')?.remove()
    for (const comment of comments) putComment(page, article, comment)
    const second = commentsOf(article)[1]
    if (second) {
      second.tabIndex = -1
      second.focus({ preventScroll: true })
    }
  } catch (error) {
    showError(error)
  } finally {
    link.classList.remove('busy')
  }
}

/** Fetches all comments of a post; null if there are too many. */
async function fetchComments(page: Page, postId: string): Promise<CommentView[] | null> {
  const all: CommentView[] = []
  let before: string | null = null
  for (let i = 0; i < MAX_PAGES; i++) {
    const response: Pages['posts/comments.njk'] = await get(
      `/posts/${postId}/comments?limit=100${before ? `&before=${before}` : ''}`,
    )
    const { comments, likes } = response
    all.unshift(...comments)
    setLikes(page.likes, { posts: [], comments: comments.map(({ id }) => id) }, likes)
    before = response.before
    if (!before) return all
  }
  return null
}
