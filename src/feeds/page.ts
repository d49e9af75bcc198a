import type { Caches } from '../caches/caches.ts'
import { formatCursor } from '../db/pagination.ts'
import type { Db } from '../db/pool.ts'
import type { FeedPage } from '../shared/pages.ts'
import {
  CARD,
  type FeedPostView,
  type LikesView,
  type PageEntryView,
  type PostView,
} from '../shared/views.ts'
import {
  PAGE_SIZE,
  readCommentLikes,
  readFeedRow,
  type FeedRow,
  type FeedSource,
  type Filter,
} from './query.ts'

export interface FeedDeps {
  db: Db
  caches: Caches
}

export interface FeedRequest {
  viewerId: string | null
  stream: string
  sourceOf(filter: Filter): FeedSource
  /** Replaces the query of the row. Returns the row without its cards. */
  readRow?(): Promise<FeedRow>
}

/** Reads a page of posts, with cards from the cache if this instance can follow the log. */
export async function readFeedPage(deps: FeedDeps, request: FeedRequest): Promise<FeedPage> {
  return (await readWithCache(deps, request)) ?? readWithoutCache(deps, request)
}

/** Reads the whole page from one snapshot of the database. */
export async function readWithoutCache(
  { db }: Pick<FeedDeps, 'db'>,
  { viewerId, stream, sourceOf }: FeedRequest,
): Promise<FeedPage> {
  const row = await readFeedRow(db, viewerId, sourceOf, { cards: true })
  const cards = new Map(row.places.flatMap(({ id, card }) => (card ? [[id, card] as const] : [])))
  return toPage(row, stream, cards, row.likes)
}

/**
 * Places, entries and likes come from the snapshot of `seq`. Cards come from the same or a later state: the page may be
 * ahead of `seq`, because the stream sends all events after it. Returns null if the viewer may have lost the right to
 * see a later state.
 */
async function readWithCache(
  { db, caches: { cards, position, changes } }: FeedDeps,
  { viewerId, stream, sourceOf, readRow }: FeedRequest,
): Promise<FeedPage | null> {
  if (!position.isCurrent()) return null
  const [since, epoch] = [position.seq(), position.epoch()]
  const row = await (readRow?.() ?? readFeedRow(db, viewerId, sourceOf, { cards: false }))
  const seq = Number(row.seq)
  if (seq < since) return null // the database went back to an earlier state
  const found = await cards.get(
    row.places.slice(0, PAGE_SIZE).map(({ id }) => id),
    seq,
  )
  if (found === null) return null
  const changed = [...found.values()].filter(({ id }) => changes.posts.changedAfter(id, seq))
  const likes = viewerId === null ? row.likes : await correctLikes(db, viewerId, row.likes, changed)
  // Synchronous from here on, so that no event arrives between these checks and the result.
  const mayHaveLostRights = viewerId !== null && changes.rights.changedAfter(viewerId, seq)
  return position.epoch() !== epoch || mayHaveLostRights ? null : toPage(row, stream, found, likes)
}

/** Reads the likes of comments again for cards that changed after the snapshot: they may show other comments. */
async function correctLikes(
  db: Db,
  viewerId: string,
  likes: LikesView,
  changed: PostView[],
): Promise<LikesView> {
  const comments = changed.flatMap((card) => card.comments.map(({ id }) => id))
  if (comments.length === 0) return likes
  const liked = await readCommentLikes(db, viewerId, comments)
  return {
    posts: likes.posts,
    comments: [...likes.comments.filter((id) => !comments.includes(id)), ...liked],
  }
}

function toPage(
  { seq, feeds, places }: FeedRow,
  stream: string,
  cards: Map<string, PostView>,
  likes: LikesView,
): FeedPage {
  const shown = places.slice(0, PAGE_SIZE)
  const last = shown.at(-1)
  const posts = shown.flatMap(({ id, entry }) => {
    const card = cards.get(id)
    return card ? [toFeedPost(card, entry)] : []
  })
  return {
    seq,
    stream,
    feeds,
    likes: likesOf(posts, likes),
    posts,
    before: places.length > PAGE_SIZE && last ? formatCursor({ at: last.entry.at, id: last.id }) : null,
  }
}

function toFeedPost(card: PostView, entry: PageEntryView): FeedPostView {
  return { ...card, entry, [CARD]: card }
}

/** Those of the likes that the page shows. */
function likesOf(posts: FeedPostView[], likes: LikesView): LikesView {
  if (likes.posts.length === 0 && likes.comments.length === 0) return likes
  const shown = new Set(posts.map(({ id }) => id))
  const shownComments = new Set(posts.flatMap((post) => post.comments.map(({ id }) => id)))
  return {
    posts: likes.posts.filter((id) => shown.has(id)),
    comments: likes.comments.filter((id) => shownComments.has(id)),
  }
}
