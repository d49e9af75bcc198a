import type { FeedPage, MyPlaces, Pages } from '../../shared/pages.ts'
import { toRequestError } from '../page/api.ts'
import { putComment, updateCard } from '../feed/card.ts'
import type { Feed } from '../feed/feed.ts'
import { setOlder } from '../feed/list.ts'
import { setLikes } from '../page/like-state.ts'
import { refreshParts } from '../page/fresh-parts.ts'
import { articleOf, articles, oldestShown, type Page } from '../page/page.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'
import type { Read } from './receiver.ts'

type PostPage = Pages['posts/show.njk']

/** At least so many pages of ten posts may be fetched again: the newest posts, after a long time without a stream. */
const MIN_PAGES = 5

/** Fetches the state of the page and merges it. Keeps drafts, open editors and the scroll position. */
export async function refetch(page: Page, feed: Feed, read: Read): Promise<void> {
  if (page.postId) page.seq = (await refetchPost(page, page.postId, read)).seq
  else await refetchFeed(page, feed, read)
}

async function refetchFeed(page: Page, feed: Feed, read: Read): Promise<void> {
  const result = await readPages(page, read)
  const { seq, feeds, posts, before, likes } = result
  page.seq = seq
  page.feeds = new Set(feeds)
  page.changedUsers.clear()
  page.oldestAt = before?.split('_')[0] ?? ''
  const comments = posts.flatMap((post) => post.comments.map(({ id }) => id))
  setLikes(page.likes, { posts: posts.map(({ id }) => id), comments }, likes)
  const fetched = new Set(posts.map(({ id }) => id))
  withScrollAnchor(() => {
    for (const id of [...articles().map(({ dataset }) => dataset.post ?? ''), ...feed.pending.ids()]) {
      if (!fetched.has(id)) feed.remove(id)
    }
    // The oldest first, so that each finds its position among the posts that are already shown.
    for (const post of posts.toReversed()) feed.put(post)
    setOlder(page, before)
  })
  for (const { id } of posts) {
    if (page.expanded.has(id)) await refetchExpanded(page, id, read)
  }
  if (result.following && placesOf(result) !== shownPlaces()) await refreshParts(page)
}

/** Whom and what the viewer follows, as the column beside the posts lists it. */
function placesOf({ groups = [], following = [] }: Partial<MyPlaces>): string {
  return [
    ...groups.map(({ name }) => `/groups/${name}`),
    ...following.map(({ username }) => `/users/${username}`),
  ].join()
}

function shownPlaces(): string {
  const links = document.querySelectorAll('[data-fresh="mine"] .name')
  return [...links].map((link) => link.getAttribute('href')).join()
}

/**
 * Reads this page and, if it is the first, older ones down to the oldest shown post, but not many more than are shown.
 * Posts before that are removed; the "Older posts" link leads to them.
 */
async function readPages(page: Page, read: Read): Promise<FeedPage & Partial<MyPlaces>> {
  const result = await read<FeedPage & Partial<MyPlaces>>(location.pathname + location.search)
  const { posts, likes } = result
  const oldest = oldestShown()
  const pages = Math.max(MIN_PAGES, articles().length / 10 + 1)
  for (let i = 1; i < pages; i++) {
    if (!page.isFirstPage || !result.before || (posts.at(-1)?.entry.at ?? '') <= oldest) break
    const next = await read<FeedPage>(`${location.pathname}?before=${encodeURIComponent(result.before)}`)
    posts.push(...next.posts)
    likes.posts.push(...next.likes.posts)
    likes.comments.push(...next.likes.comments)
    result.before = next.before
  }
  return result
}

/** Fetches a post of a feed with all its comments. A post that was deleted meanwhile stays: its event is held. */
async function refetchExpanded(page: Page, id: string, read: Read): Promise<void> {
  await refetchPost(page, id, read).catch((error: unknown) => {
    if (toRequestError(error).status !== 404) throw error
  })
}

async function refetchPost(page: Page, id: string, read: Read): Promise<PostPage> {
  const shown = await read<PostPage>(`/posts/${id}`)
  setLikes(page.likes, { posts: [id], comments: shown.comments.map((comment) => comment.id) }, shown.likes)
  showPost(page, shown)
  return shown
}

/** Updates a post and its comments, and removes the comments that no longer exist. */
function showPost(page: Page, { post, comments, before }: PostPage): void {
  const article = articleOf(post.id)
  if (!article) return
  const existing = new Set(comments.map((comment) => comment.id))
  withScrollAnchor(() => {
    updateCard(page, article, { ...post, entry: { ...post.entry, at: article.dataset.at ?? post.entry.at } })
    for (const item of article.querySelectorAll<HTMLElement>('.comment')) {
      if (!before && !existing.has(item.dataset.comment ?? '')) item.remove()
    }
    for (const comment of comments) putComment(page, article, comment)
  })
}
