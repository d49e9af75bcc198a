/**
 * The contract between routes and templates: every page's template with what it is given besides `Layout`.
 * The JSON answer of the same route is the same object (never `errors` or `values`), with `csrf`.
 */
import type { CommentView, FeedPostView, GroupView, LikesView, Me, UserView } from './views.ts'

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

/** A group, and where the viewer stands with it: all that a private group tells to who is not in it. */
export interface GroupMembershipView extends GroupView {
  member: boolean
  owner: boolean
  /** The viewer has asked to be let in, and nobody has answered yet. */
  requested: boolean
}

export interface GroupSummary extends GroupMembershipView {
  description: string
  members: number
}

export interface GroupPageView extends GroupSummary {
  /** How many ask to be let in; 0 for who does not own the group. */
  requests: number
}

export interface MemberView extends PersonView {
  owner: boolean
}

/** Someone whom the viewer does not follow. */
export interface SuggestionView extends PersonView {
  /** How many of those whom the viewer follows follow this person. */
  friends: number
}

export interface SessionView {
  id: string
  created_at: string
  last_seen_at: string
  /** Where the sign-in came from; empty where that is not known. */
  address: string
  /** "Firefox on Linux". */
  browser: string
  /** Whether it is the one that asks. */
  current: boolean
}

export type Errors = Record<string, string>

export interface Pages {
  'feeds/home.njk': FeedPage & {
    people: SuggestionView[]
    following: PersonView[]
    /** The twenty joined last. */
    groups: GroupView[]
    more_groups: boolean
  }
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
  'settings/profile.njk': {
    user: UserView & { bio: string }
    values: { username?: string; name?: string; bio?: string }
    errors: Errors
  }
  'settings/password.njk': { errors: Errors }
  'settings/sessions.njk': { sessions: SessionView[] }
  'settings/account.njk': { errors: Errors }
  /** `comments`: the newest hundred, by id ascending; `before` leads to earlier ones. */
  'posts/show.njk': Live & {
    post: FeedPostView
    comments: CommentView[]
    before: string | null
    likes: LikesView
  }
  /** The composer alone: where a post was refused, with what was typed. */
  'posts/new.njk': { values: { body?: string; client_key?: string; group?: string }; errors: Errors }
  'posts/edit.njk': { post: { id: string }; values: { body?: string }; errors: Errors }
  'posts/delete.njk': { post: { id: string; body: string } }
  'posts/likers.njk': { post: { id: string }; people: PersonView[]; before: string | null }
  'posts/comments.njk': {
    post: { id: string; group: GroupView | null }
    comments: CommentView[]
    before: string | null
    likes: LikesView
  }
  /** The comment form alone: where a comment was refused, with what was typed. */
  'comments/new.njk': { post: { id: string }; values: { body?: string; client_key?: string }; errors: Errors }
  'comments/edit.njk': { comment: { id: string; post_id: string }; values: { body?: string }; errors: Errors }
  'comments/delete.njk': { comment: { id: string; post_id: string; body: string } }
  'comments/likers.njk': {
    comment: { id: string; post_id: string }
    people: PersonView[]
    before: string | null
  }
  /** `mine`, the ten joined last, on the first page only. */
  'groups/list.njk': {
    mine: GroupSummary[]
    more_mine: boolean
    groups: GroupSummary[]
    before: string | null
  }
  'groups/mine.njk': { groups: GroupSummary[]; before: string | null }
  'groups/new.njk': {
    values: { name?: string; title?: string; description?: string; visibility?: string }
    errors: Errors
  }
  'groups/show.njk': FeedPage & { group: GroupPageView }
  /** A private group for who is not in it; programs get 404. */
  'groups/private.njk': { group: GroupMembershipView }
  'groups/members.njk': { group: GroupMembershipView; people: MemberView[]; before: string | null }
  'groups/requests.njk': { group: GroupView; people: PersonView[]; before: string | null }
  'error.njk': { status: number; message: string; request_id: string }
}
