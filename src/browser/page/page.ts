import type { LikesView, Me, UserView } from '../../shared/views.ts'
import { likedIds, setLikes, type LikeState } from './like-state.ts'
import { renderPartial } from './render.ts'
import { localizeTimes } from './times.ts'

/** The state of the page. It is read once from the document, then updated by events and responses. */
export interface Page {
  me: Me | null
  /** The element that the stream updates; null on pages without a stream. */
  live: HTMLElement | null
  stream: string
  /** The cursor: the newest event that the page shows. */
  seq: string
  /** The ids of the feeds that the page merges. */
  feeds: Set<string>
  /** The id of the post on the page of a single post; null on all other pages. */
  postId: string | null
  likes: LikeState
  /** The ids of the posts that show all their comments. */
  expanded: Set<string>
  /** Users whose name or picture changed after the page was loaded. Pending posts still have the earlier values. */
  changedUsers: Map<string, UserView>
  /** When the viewer last followed or unfollowed a person on this page, in ms. */
  followedAt: number
  /** Whether this is the first page of a feed. New posts appear only there. */
  isFirstPage: boolean
  /** The time of the oldest post that belongs to this page; empty if there are no older pages. */
  oldestAt: string
}

/** Reads the state of the page from the document. */
export function readPage(): Page {
  const live = document.getElementById('live')
  const postId = live?.dataset.full ?? null
  const likes = { posts: new Map(), comments: new Map() }
  setLikes(
    likes,
    { posts: shownIds('post'), comments: shownIds('comment') },
    fromJson<LikesView>(live?.dataset.likes, { posts: [], comments: [] }),
  )
  return {
    me: fromJson<Me | null>(document.body.dataset.me, null),
    live,
    stream: live?.dataset.stream ?? '',
    seq: live?.dataset.seq ?? '0',
    feeds: new Set(fromJson<string[]>(live?.dataset.feeds, [])),
    postId,
    likes,
    expanded: new Set(postId ? [postId] : []),
    changedUsers: new Map(),
    followedAt: 0,
    isFirstPage: !new URLSearchParams(location.search).has('before'),
    oldestAt: live?.dataset.before && !postId ? oldestShown() : '',
  }
}

/** The elements of all shown posts, in their order on the page. */
export function articles(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('#live .post')]
}

function shownIds(kind: 'post' | 'comment'): string[] {
  const shown = document.querySelectorAll<HTMLElement>(`#live .${kind}`)
  return [...shown].map(({ dataset }) => dataset[kind] ?? '')
}

/** The element of a post; null if the page does not show it. */
export function articleOf(id: string): HTMLElement | null {
  return document.getElementById(`post-${id}`)
}

/** The time of the oldest shown post; empty if the page shows none. */
export function oldestShown(): string {
  return articles().reduce((oldest, { dataset }) => {
    const at = dataset.at ?? ''
    return oldest === '' || at < oldest ? at : oldest
  }, '')
}

/** Renders a partial for this viewer, with times in the reader's language. */
export function renderElement(page: Page, name: string, variables: Record<string, unknown>): HTMLElement {
  const template = document.createElement('template')
  template.innerHTML = renderPartial(name, {
    me: page.me,
    csrf: csrfToken(),
    likes: likedIds(page.likes),
    path: location.pathname + location.search,
    new_key: newKey,
    ...variables,
  })
  const element = template.content.firstElementChild as HTMLElement
  localizeTimes(element)
  return element
}

export function csrfToken(): string {
  return csrfMeta()?.content ?? ''
}

export function setCsrfToken(token: string): void {
  const meta = csrfMeta()
  if (meta) meta.content = token
}

/**
 * A random `client_key`. The server stores two posts or comments with the same key only once, so a form can be sent
 * again safely. `randomUUID` exists only on https and localhost.
 */
export function newKey(): string {
  if ('randomUUID' in crypto) return crypto.randomUUID()
  const bytes = (crypto as Crypto).getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Parses JSON; returns `fallback` if there is no text. */
export function fromJson<T>(text: string | undefined, fallback: T): T {
  return text ? (JSON.parse(text) as T) : fallback
}

function csrfMeta(): HTMLMetaElement | null {
  return document.querySelector('meta[name="csrf-token"]')
}
