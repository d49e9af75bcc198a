/**
 * The contract between routes and templates: the variables of each template, in addition to those of `Layout`.
 * The JSON response of a route is the same object without `errors` and `values`, and with `csrf`.
 */
import type { CommentView, FeedPostView, GroupView, LikesView, Me, UserView } from './views.ts'

/** The reader's choice of colors; `system` follows the browser. */
export type Theme = 'light' | 'dark' | 'system'

/** The variables of every template. */
export interface Layout {
  site: { name: string }
  me: Me | null
  theme: Theme
  csrf: string
  /** Messages that are shown once, for example "Followed ann". */
  flash: string[]
  /** The path and the query of this page, for `next`. */
  path: string
  /** The path of this page without its query, also if a form is shown again after a POST. The navigation marks it. */
  here: string
}

/** A page that a stream updates. */
export interface StreamedPage {
  /** The cursor: the newest `seq` of the log in the snapshot that the page shows. */
  seq: string
  /** The path of the stream that updates the page. */
  stream: string
}

/** The people and the groups that the viewer follows. Nothing for anonymous visitors. */
export interface MyPlaces {
  following: PersonView[]
  /** The twenty groups that the viewer joined last. */
  groups: GroupView[]
  more_groups: boolean
}

/** What the home page shows beside the posts. */
export interface SideColumn extends MyPlaces {
  people: SuggestionView[]
}

export interface FeedPage extends StreamedPage {
  posts: FeedPostView[]
  /** The cursor of the next, older page; null if this is the last page. */
  before: string | null
  /** The ids of the feeds that the page merges. */
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

/** A group and the viewer's membership. Of a private group, people who are not members see only this. */
export interface GroupMembershipView extends GroupView {
  member: boolean
  owner: boolean
  /** Whether the viewer has asked to join and waits for an answer. */
  requested: boolean
}

export interface GroupSummary extends GroupMembershipView {
  description: string
  members: number
}

export interface GroupPageView extends GroupSummary {
  /** How many people ask to join; 0 if the viewer does not own the group. */
  requests: number
}

export interface MemberView extends PersonView {
  owner: boolean
}

/** A person whom the viewer does not follow. */
export interface SuggestionView extends PersonView {
  /** How many of the people that the viewer follows also follow this person. */
  friends: number
}

export interface SessionView {
  id: string
  created_at: string
  last_seen_at: string
  /** The network address of the sign-in; empty if it is not known. */
  address: string
  /** "Firefox on Linux". */
  browser: string
  /** Whether this is the session of the request. */
  current: boolean
}

/** What a person is about to report. */
export interface ReportedView {
  kind: 'post' | 'comment' | 'account'
  id: string
  /** The post that shows it; null for an account. */
  post_id: string | null
  author: UserView
  /** The text of a post or comment, or the bio of an account. */
  body: string
}

/** A report, for admins. */
export interface ReportView {
  id: string
  kind: 'post' | 'comment' | 'account'
  subject_id: string
  /** The post that shows it; null for an account, and if the content has been deleted. */
  post_id: string | null
  author: UserView & { suspended: boolean }
  /** Null for a deleted account. */
  reporter: UserView | null
  /** Whether it is in a private group. */
  private: boolean
  /** A copy of the reported text. */
  body: string
  reason: string
  created_at: string
  closed_at: string | null
  closer: UserView | null
  outcome: 'dismissed' | 'removed' | 'suspended' | null
  /** The number of other open reports of the same thing. */
  others: number
}

/** An account, for admins. */
export interface AccountView extends UserView {
  bio: string
  created_at: string
  admin: boolean
  suspended_at: string | null
  /** The number of open reports of the account and of its content. */
  reports: number
}

/** A link with which people register, for admins. */
export interface InvitationView {
  id: string
  note: string
  creator: UserView | null
  created_at: string
  expires_at: string
  uses: number
  max_uses: number
  state: 'valid' | 'used' | 'expired' | 'revoked'
}

/** An entry of the log of admins. */
export interface AdminLogView {
  id: string
  at: string
  action: string
  /** Whether it was done on the command line. */
  by_command: boolean
  /** Null for the command line and for a deleted account. */
  admin: UserView | null
  /** The account that the action is about, if any. */
  user: UserView | null
  detail: Record<string, string>
}

export type Errors = Record<string, string>

export interface Pages {
  /** `welcome`: the page asks for name and picture. JSON leaves it out. */
  'feeds/home.njk': FeedPage & SideColumn & { welcome?: boolean }
  'feeds/public.njk': FeedPage
  'users/profile.njk': FeedPage & { user: ProfileView }
  'users/people.njk': {
    user: UserView
    list: 'followers' | 'following'
    people: PersonView[]
    before: string | null
  }
  /** The directory; with a text `q`, the people whose names begin with it. Only the directory has `friends`. */
  'people/people.njk': MyPlaces & {
    q: string
    people: (PersonView & Partial<SuggestionView>)[]
    before: string | null
  }
  'users/register.njk': {
    values: { username?: string; invitation?: string }
    errors: Errors
    next: string
    sign_up: 'open' | 'invitation' | 'closed'
    /** The secret of the invitation link that led here. */
    invitation: string | null
    /** Why the visitor may not register; null if the visitor may. */
    refused: string | null
  }
  /** `ended`: the session of this browser has ended elsewhere, or has expired. */
  'users/login.njk': { values: { username?: string }; errors: Errors; next: string; ended?: boolean }
  'settings/profile.njk': {
    user: UserView & { bio: string }
    values: { username?: string; name?: string; bio?: string }
    errors: Errors
  }
  'settings/password.njk': { errors: Errors }
  'settings/sessions.njk': { sessions: SessionView[] }
  'settings/account.njk': { errors: Errors }
  /** `comments` are the newest hundred, oldest first; `before` is the cursor of earlier ones. */
  'posts/show.njk': StreamedPage & {
    post: FeedPostView
    comments: CommentView[]
    before: string | null
    likes: LikesView
  }
  /** The composer alone, with the entered text: shown after an invalid post. */
  'posts/new.njk': { values: { body?: string; client_key?: string; group?: string }; errors: Errors }
  'posts/edit.njk': { post: { id: string }; values: { body?: string }; errors: Errors }
  'posts/delete.njk': { post: { id: string; body: string } }
  'posts/likers.njk': { post: { id: string }; people: PersonView[]; before: string | null }
  'posts/comments.njk': {
    post: { id: string; author: UserView; group: GroupView | null }
    comments: CommentView[]
    before: string | null
    likes: LikesView
  }
  /** The comment form alone, with the entered text: shown after an invalid comment. */
  'comments/new.njk': { post: { id: string }; values: { body?: string; client_key?: string }; errors: Errors }
  'comments/edit.njk': { comment: { id: string; post_id: string }; values: { body?: string }; errors: Errors }
  'comments/delete.njk': { comment: { id: string; post_id: string; body: string } }
  'comments/likers.njk': {
    comment: { id: string; post_id: string }
    people: PersonView[]
    before: string | null
  }
  /** `mine` are the ten groups that the viewer joined last; empty except on the first page. */
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
  /** A private group, for viewers who are not members; a request for JSON gets 404. */
  'groups/private.njk': { group: GroupMembershipView }
  'groups/members.njk': { group: GroupMembershipView; people: MemberView[]; before: string | null }
  'groups/requests.njk': { group: GroupView; people: PersonView[]; before: string | null }
  'recovery/reset.njk': {
    username: string
    token: string
    values?: { username?: string; token?: string }
    errors: Errors
  }
  'reports/new.njk': { reported: ReportedView; values: { reason?: string }; errors: Errors }
  'admin/reports.njk': { reports: ReportView[]; closed: boolean; before: string | null }
  'admin/report.njk': { report: ReportView }
  'admin/people.njk': { people: AccountView[]; before: string | null }
  'admin/person.njk': { account: AccountView; values: { reason?: string }; errors: Errors }
  'admin/sign-up.njk': {
    sign_up: 'open' | 'invitation' | 'closed'
    invitations: InvitationView[]
    before: string | null
    values: { uses?: string; days?: string; note?: string }
    errors: Errors
  }
  'admin/names.njk': { names: string[]; values: { name?: string }; errors: Errors }
  'admin/log.njk': { entries: AdminLogView[]; before: string | null }
  'admin/token.njk': { errors: Errors }
  'theme/page.njk': { next: string; errors: Errors }
  'error.njk': { status: number; message: string; request_id: string }
}
