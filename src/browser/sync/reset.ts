import type { FeedPage, Pages } from '../../shared/pages.ts'
import type { LikesView, PostView } from '../../shared/views.ts'
import { asRefused } from '../page/api.ts'
import { putComment, updateCard } from '../feed/card.ts'
import type { Feed } from '../feed/feed.ts'
import { articleOf, articles, oldestShown, type Page } from '../page/page.ts'
import { keepPlace } from '../page/place.ts'
import type { Read } from './receiver.ts'

type PostPage = Pages['posts/show.njk']

/** How far down a long page is fetched again; what is older leaves the page, behind the "Older" link. */
const MAX_PAGES = 5

/** Fetches the state of the page and merges it. Drafts, open editors and the scroll position stay. */
export async function refetch(page: Page, feed: Feed, read: Read): Promise<void> {
  if (page.full) page.seq = (await refetchPost(page, page.full, read)).seq
  else await refetchFeed(page, feed, read)
}

async function refetchFeed(page: Page, feed: Feed, read: Read): Promise<void> {
  const path = location.pathname + location.search
  const first = await read<FeedPage>(path)
  const posts = [...first.posts]
  let { before } = first
  const wanted = oldestShown()
  for (let i = 1; page.newest && before && i < MAX_PAGES && (posts.at(-1)?.entry.at ?? '') > wanted; i++) {
    const more = await read<FeedPage>(`${location.pathname}?before=${encodeURIComponent(before)}`)
    posts.push(...more.posts)
    for (const kind of ['posts', 'comments'] as const) first.likes[kind].push(...more.likes[kind])
    before = more.before
  }
  page.seq = first.seq
  page.feeds = new Set(first.feeds)
  page.changed.clear()
  page.floor = before ? (posts.at(-1)?.entry.at ?? '') : ''
  noteLikes(page, posts, first.likes)
  const there = new Set(posts.map((post) => post.id))
  for (const id of [...articles().map(({ dataset }) => dataset.post ?? ''), ...feed.waiting.ids()]) {
    if (!there.has(id)) feed.remove(id)
  }
  // Oldest first: each then finds its place among those that are already there.
  for (const post of posts.toReversed()) feed.put(post)
  setOlder(before)
  for (const post of posts) {
    if (page.unfolded.has(post.id)) await refetchComments(page, post.id, read)
  }
}

/** A post of a feed can be deleted meanwhile: the event that says so is held. */
async function refetchComments(page: Page, id: string, read: Read): Promise<void> {
  await refetchPost(page, id, read).catch((error: unknown) => {
    if (asRefused(error).status !== 404) throw error
  })
}

async function refetchPost(page: Page, id: string, read: Read): Promise<PostPage> {
  const shown = await read<PostPage>(`/posts/${id}`)
  noteLikes(page, [shown.post], shown.likes)
  showAll(page, shown)
  return shown
}

/** A post with its comments as they are now; those that are gone go. */
function showAll(page: Page, { post, comments, before }: PostPage): void {
  const article = articleOf(post.id)
  if (!article) return
  const here = new Set(comments.map((comment) => comment.id))
  keepPlace(() => {
    updateCard(page, article, { ...post, entry: { ...post.entry, at: article.dataset.at ?? post.entry.at } })
    for (const item of article.querySelectorAll<HTMLElement>('.comment')) {
      if (!before && !here.has(item.dataset.comment ?? '')) item.remove()
    }
    for (const comment of comments) putComment(page, article, comment)
  })
}

function noteLikes(page: Page, posts: PostView[], likes: LikesView): void {
  for (const { id, comments } of posts) {
    page.liked.delete(id)
    page.likesKnown.posts.add(id)
    for (const comment of comments) {
      page.likedComments.delete(comment.id)
      page.likesKnown.comments.add(comment.id)
    }
  }
  for (const id of likes.posts) page.liked.add(id)
  for (const id of likes.comments) page.likedComments.add(id)
}

function setOlder(before: string | null): void {
  const older = document.querySelector<HTMLAnchorElement>('#older')
  if (!older) return
  older.hidden = !before
  if (before) older.href = `?before=${encodeURIComponent(before)}`
}
