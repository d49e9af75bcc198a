import type { LikesView, Me, UserView } from '../../shared/views.ts'
import { renderPartial } from './render.ts'
import { localTimes } from './times.ts'

/** What this page knows: read once from the document, kept current by events and answers. */
export interface Page {
  me: Me | null
  /** The element that the stream keeps current; null on pages without one. */
  live: HTMLElement | null
  stream: string
  /** The newest event that the page shows. */
  seq: string
  /** The feeds that the page merges. */
  feeds: Set<string>
  /** The post whose own page this is. */
  full: string | null
  /** The posts that the viewer likes, of those that were ever on the page. */
  liked: Set<string>
  /** The same of comments. */
  likedComments: Set<string>
  /** The posts and comments of which the page knows whether the viewer likes them. */
  likesKnown: Record<keyof LikesView, Set<string>>
  /** Posts whose comments are all shown. */
  unfolded: Set<string>
  /** Who got another name or picture since: posts that wait to be shown have the old one. */
  changed: Map<string, UserView>
  /** When the viewer last followed or unfollowed someone on this page, in ms. */
  followedAt: number
  /** New posts belong at the head of a feed only, not on its older pages. */
  newest: boolean
  /** Older posts than this belong to older pages; empty where there are none. */
  floor: string
}

export function readPage(): Page {
  const live = document.getElementById('live')
  const full = live?.dataset.full ?? null
  const likes = fromJson<LikesView>(live?.dataset.likes, { posts: [], comments: [] })
  const page: Page = {
    me: fromJson<Me | null>(document.body.dataset.me, null),
    live,
    stream: live?.dataset.stream ?? '',
    seq: live?.dataset.seq ?? '0',
    feeds: new Set(fromJson<string[]>(live?.dataset.feeds, [])),
    full,
    liked: new Set(likes.posts),
    likedComments: new Set(likes.comments),
    likesKnown: { posts: new Set(idsOf('post')), comments: new Set(idsOf('comment')) },
    unfolded: new Set(full ? [full] : []),
    changed: new Map(),
    followedAt: 0,
    newest: !new URLSearchParams(location.search).has('before'),
    floor: '',
  }
  if (live?.dataset.before && !full) page.floor = oldestShown()
  return page
}

export function articles(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('#live .post')]
}

function idsOf(kind: 'post' | 'comment'): string[] {
  const shown = document.querySelectorAll<HTMLElement>(`#live .${kind}`)
  return [...shown].map(({ dataset }) => dataset[kind] ?? '')
}

export function articleOf(id: string): HTMLElement | null {
  return document.getElementById(`post-${id}`)
}

export function oldestShown(): string {
  return articles().reduce((least, { dataset }) => {
    const at = dataset.at ?? ''
    return least === '' || at < least ? at : least
  }, '')
}

/** Renders a partial as this viewer sees it; times are already in the reader's words. */
export function renderElement(page: Page, name: string, given: Record<string, unknown>): HTMLElement {
  const template = document.createElement('template')
  template.innerHTML = renderPartial(name, {
    me: page.me,
    csrf: csrfToken(),
    likes: { posts: [...page.liked], comments: [...page.likedComments] },
    path: location.pathname + location.search,
    new_key: newKey,
    ...given,
  })
  const element = template.content.firstElementChild as HTMLElement
  localTimes(element)
  return element
}

export function csrfToken(): string {
  return csrfMeta()?.content ?? ''
}

export function setCsrfToken(token: string): void {
  const meta = csrfMeta()
  if (meta) meta.content = token
}

/** What makes a repeated send harmless. (randomUUID exists on https and localhost only.) */
export function newKey(): string {
  if ('randomUUID' in crypto) return crypto.randomUUID()
  const bytes = (crypto as Crypto).getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Ids and cursors are decimal numbers that may not fit a double. */
export function compareIds(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
}

export function fromJson<T>(text: string | undefined, otherwise: T): T {
  return text ? (JSON.parse(text) as T) : otherwise
}

function csrfMeta(): HTMLMetaElement | null {
  return document.querySelector('meta[name="csrf-token"]')
}
