/**
 * The objects in pages, JSON responses and events. `sql/10_views.sql` builds most of them, so that all three contain
 * the same.
 *
 * Ids are decimal strings (PostgreSQL bigints). Times are ISO 8601 in UTC with microseconds, so that they sort as text.
 */

export interface UserView {
  id: string
  username: string
  name: string
  /** The hash of the picture, or null for the default picture. */
  avatar: string | null
}

export interface GroupView {
  id: string
  name: string
  title: string
  visibility: 'public' | 'private'
}

export interface CommentView {
  id: string
  author: UserView
  body: string
  created_at: string
  edited_at: string | null
  like_count: number
}

export type Reason = 'posted' | 'commented' | 'liked'

/** An entry of a post in a feed. It exists because the actor posted, commented on or liked the post. */
export interface EntryView {
  feed: string
  at: string
  reason: Reason
  actor: UserView
}

/** The card of a post. It is the same for every viewer. */
export interface PostView {
  id: string
  author: UserView
  group: GroupView | null
  body: string
  created_at: string
  edited_at: string | null
  like_count: number
  /** The newest four likers. */
  likers: UserView[]
  comment_count: number
  /** All comments if there are up to five, otherwise the first and the last two, by id. */
  comments: CommentView[]
  /**
   * The entries in all feeds (at most 64), newest first. From them, `pageEntry` computes whether and where a page shows
   * the post.
   */
  entries: EntryView[]
}

/**
 * The time and the reason of a post on a page; see `pageEntry`. The reason is null if the post was posted to one of the
 * feeds.
 */
export interface PageEntryView {
  at: string
  reason: 'commented' | 'liked' | null
  actor: UserView | null
}

/**
 * The key under which a post of a page has its card. The card is the same object until it changes, so the server caches
 * rendered HTML by it. JSON leaves it out.
 */
export const CARD = Symbol('card')

export interface FeedPostView extends PostView {
  entry: PageEntryView
  readonly [CARD]?: PostView
}

/** The viewer. */
export interface Me extends UserView {
  /** The id of the viewer's own feed. */
  feed: string
  /**
   * The ids of the newest hundred groups that the viewer owns, and of other owned groups whose posts the page shows.
   */
  owns: string[]
  /** Whether to show links for admins. Each action of an admin is checked again. */
  admin: boolean
}

/** The ids of the posts and comments that the viewer likes, of those that the page shows. */
export interface LikesView {
  posts: string[]
  comments: string[]
}
