import type { Pages } from '../../shared/pages.ts'
import type { CommentView } from '../../shared/views.ts'
import { get, showError } from '../page/api.ts'
import { focusOn } from '../page/focus.ts'
import { setLikes } from '../page/like-state.ts'
import type { Page } from '../page/page.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'
import { commentsOf, putComment } from './card.ts'

/** At most so many hundreds of comments are shown in a feed. More are shown only on the page of the post. */
const MAX_PAGES = 5

/** Shows all comments of a post in place of the link "N more comments". */
export async function expandComments(
  page: Page,
  link: HTMLAnchorElement,
  { focus = true }: { focus?: boolean } = {},
): Promise<void> {
  const article = link.closest<HTMLElement>('.post')
  const id = article?.dataset.post ?? ''
  if (!article || link.classList.contains('busy')) return
  link.classList.add('busy')
  try {
    const comments = await fetchComments(page, id)
    if (!comments) return location.assign(link.href)
    page.expanded.add(id)
    const shown = new Set(commentsOf(article))
    withScrollAnchor(() => {
      article.querySelector('.more')?.remove()
      for (const comment of comments) putComment(page, article, comment)
    }, article.querySelector('.by'))
    if (focus) focusOn(commentsOf(article).find((item) => !shown.has(item)) ?? null)
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
