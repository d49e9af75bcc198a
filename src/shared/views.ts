/**
 * What pages, JSON answers and live frames show. The SQL functions in `sql/` build these shapes, so a page that is
 * rendered, a page that is fetched and a frame that arrives hold the same thing.
 *
 * Ids are decimal strings (PostgreSQL bigints); times are ISO 8601 in UTC with microseconds, so they sort as text.
 */

export interface UserView {
  id: string
  username: string
  name: string
  /** Hash of the picture, or null for the default one. */
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

/** A post's place in one feed: why and since when it stands there. */
export interface EntryView {
  feed: string
  at: string
  reason: Reason
  actor: UserView
}

/** The card of a post; it carries nothing of a viewer's. */
export interface PostView {
  id: string
  author: UserView
  group: GroupView | null
  body: string
  created_at: string
  edited_at: string | null
  like_count: number
  /** The newest four. */
  likers: UserView[]
  comment_count: number
  /** All up to five, else the first and the last two, by id. */
  comments: CommentView[]
  /** Every feed the post stands in (at most 64), newest first: a page derives presence, place and reason from it. */
  entries: EntryView[]
}

/** Where and why a post stands on a page that merges feeds; no reason where one of them has it as `posted`. */
export interface LeadView {
  at: string
  reason: 'commented' | 'liked' | null
  actor: UserView | null
}

export interface FeedPostView extends PostView {
  entry: LeadView
}

/** Who looks at the page. */
export interface Me extends UserView {
  /** Id of the viewer's own feed. */
  feed: string
  /** Ids of the hundred newest groups that the viewer owns, and of others whose posts the page shows. */
  owns: string[]
}

/** Ids of what the viewer likes among what the page shows. */
export interface LikesView {
  posts: string[]
  comments: string[]
}
