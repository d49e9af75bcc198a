/**
 * The contract between routes and templates: every page's template with what it is given besides `Layout`.
 * The JSON answer of the same route is the same object (never `errors` or `values`), with `csrf`.
 */
import type { CommentView, FeedPostView, LikesView, Me, UserView } from './views.ts'

/** What every template gets. */
export interface Layout {
  site: { name: string }
  me: Me | null
  csrf: string
  /** One-time messages ("Followed ann"). */
  flash: string[]
  /** Path and query of this page, for `next`. */
  path: string
}

/** A page that follows a stream. */
export interface Live {
  /** Cursor: the log's newest `seq` in the very snapshot that the page shows. */
  seq: string
  /** Path of the stream that keeps the page current. */
  stream: string
}

export interface FeedPage extends Live {
  posts: FeedPostView[]
  /** Cursor of the next, older page; null at the end. */
  before: string | null
  /** Ids of the feeds that the page merges. */
  feeds: string[]
  likes: LikesView
}

export interface PersonView extends UserView {
  bio: string
  /** Whether the viewer follows this person. */
  followed: boolean
}

export interface ProfileView extends PersonView {
  created_at: string
  followers: number
  following: number
  follows_me: boolean
}

export type Errors = Record<string, string>

export interface Pages {
  'feeds/home.njk': FeedPage & { people: PersonView[]; following: PersonView[] }
  'feeds/public.njk': FeedPage
  'users/profile.njk': FeedPage & { user: ProfileView }
  'users/people.njk': {
    user: UserView
    list: 'followers' | 'following'
    people: PersonView[]
    before: string | null
  }
  'users/register.njk': { values: { username?: string }; errors: Errors; next: string }
  'users/login.njk': { values: { username?: string }; errors: Errors; next: string }
  /** `comments`: the newest hundred, by id ascending; `before` leads to earlier ones. */
  'posts/show.njk': Live & {
    post: FeedPostView
    comments: CommentView[]
    before: string | null
    likes: LikesView
  }
  /** The composer alone: where a post was refused, with what was typed. */
  'posts/new.njk': { values: { body?: string; client_key?: string }; errors: Errors }
  'posts/edit.njk': { post: { id: string }; values: { body?: string }; errors: Errors }
  'posts/delete.njk': { post: { id: string; body: string } }
  'posts/likers.njk': { post: { id: string }; people: PersonView[]; before: string | null }
  'posts/comments.njk': {
    post: { id: string }
    comments: CommentView[]
    before: string | null
    likes: LikesView
  }
  /** The comment form alone: where a comment was refused, with what was typed. */
  'comments/new.njk': { post: { id: string }; values: { body?: string; client_key?: string }; errors: Errors }
  'comments/edit.njk': { comment: { id: string; post_id: string }; values: { body?: string }; errors: Errors }
  'comments/delete.njk': { comment: { id: string; post_id: string; body: string } }
  'error.njk': { status: number; message: string; request_id: string }
}
