import type { FeedPage } from '../../shared/pages.ts'
import { get, showError } from '../page/api.ts'
import { focusOn } from '../page/focus.ts'
import { setLikes } from '../page/like-state.ts'
import { articles, type Page } from '../page/page.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'
import type { Feed } from './feed.ts'
import { isOlderShown, olderLink, setOlder } from './list.ts'

/** Fetches the next ten older posts and adds them at the end. Returns false if there are none, or the request failed. */
export async function showOlder(
  page: Page,
  feed: Feed,
  { focus = false }: { focus?: boolean } = {},
): Promise<boolean> {
  const link = olderLink()
  if (!link || !isOlderShown() || link.classList.contains('busy')) return false
  link.classList.add('busy')
  try {
    const { posts, likes, before } = await get<FeedPage>(link.pathname + link.search, page.seq)
    const comments = posts.flatMap((post) => post.comments.map(({ id }) => id))
    setLikes(page.likes, { posts: posts.map(({ id }) => id), comments }, likes)
    const shown = articles().length
    withScrollAnchor(() => {
      feed.append(posts)
      setOlder(page, before)
    })
    if (focus) focusOn(articles()[shown] ?? null)
    return posts.length > 0
  } catch (error) {
    showError(error)
    return false
  } finally {
    link.classList.remove('busy')
  }
}
