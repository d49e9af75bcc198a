import type { CommentView, FeedPostView, UserView } from '../../shared/views.ts'
import { warnEditors } from './editing.ts'
import { holdsOwn, morph } from '../page/morph.ts'
import { compareIds, fromJson, renderElement, type Page } from '../page/page.ts'

/** Which comment an event was about. */
export interface CommentChange {
  comment?: CommentView
  removed?: string
}

export interface LikeState {
  like_count: number
  likers: UserView[]
}

export function renderCard(page: Page, post: FeedPostView): HTMLElement {
  return renderElement(page, 'post', { post, full: page.full === post.id, comments: post.comments })
}

/** Shows a post as it is now, in its place. */
export function updateCard(
  page: Page,
  old: HTMLElement,
  post: FeedPostView,
  change: CommentChange = {},
): void {
  const fresh = renderCard(page, post)
  if (page.unfolded.has(post.id)) unfoldInto(page, old, fresh, post, change)
  keepOpened(old, fresh)
  morph(old, fresh)
  warnEditors(old)
}

/** A comment that folds away keeps its place while its editor, say, is open. */
function keepOpened(old: Element, fresh: Element): void {
  const shown = commentsOf(fresh)
  for (const item of commentsOf(old)) {
    if (!holdsOwn(item) || shown.some(({ id }) => id === item.id)) continue
    shown.find((one) => compareIds(idOf(one), idOf(item)) > 0)?.before(item.cloneNode(true))
  }
}

/** A card holds three of many comments; where all are shown, all stay. */
function unfoldInto(
  page: Page,
  old: Element,
  fresh: Element,
  post: FeedPostView,
  change: CommentChange,
): void {
  const items = new Map<string, Element>()
  for (const item of commentsOf(old)) items.set(idOf(item), item.cloneNode(true) as Element)
  // Where the page shows the newest hundred, the card's first comment is none of them.
  const [oldest = '0'] = document.querySelector('.earlier') ? items.keys() : []
  for (const item of commentsOf(fresh)) {
    if (compareIds(idOf(item), oldest) >= 0) items.set(idOf(item), item)
  }
  if (change.comment) items.set(change.comment.id, renderComment(page, post, change.comment))
  if (change.removed) items.delete(change.removed)
  if (post.comment_count === 0) items.clear()
  const sorted = [...items].sort(([a], [b]) => compareIds(a, b)).map(([, item]) => item)
  fresh.querySelector('.comments')?.replaceChildren(...sorted)
}

export function renderComment(page: Page, post: CommentedPost, comment: CommentView): HTMLElement {
  return renderElement(page, 'comment', { post: { id: post.id, group: post.group }, comment })
}

/** What a comment shows of its post. */
type CommentedPost = { id: string; group: { id: string } | null }

function postOf({ dataset }: HTMLElement): CommentedPost {
  return { id: dataset.post ?? '', group: dataset.group ? { id: dataset.group } : null }
}

/** Adds a comment at its place, or shows it as it is now. */
export function putComment(page: Page, article: Element, comment: CommentView): HTMLElement {
  const fresh = renderComment(page, postOf(article as HTMLElement), comment)
  const old = document.getElementById(fresh.id)
  if (old) {
    morph(old, fresh)
    return old
  }
  const later = commentsOf(article).find((item) => compareIds(idOf(item), comment.id) > 0)
  if (later) later.before(fresh)
  else article.querySelector('.comments')?.append(fresh)
  return fresh
}

export function commentsOf(article: Element): HTMLElement[] {
  return [...article.querySelectorAll<HTMLElement>('.comment')]
}

function idOf(item: Element): string {
  return (item as HTMLElement).dataset.comment ?? ''
}

/** What a card says about its likes. */
export function likesOn(article: Element): LikeState {
  const line = article.querySelector<HTMLElement>('.likes')
  return fromJson(line?.dataset.likes, { like_count: 0, likers: [] })
}

/** Shows the likes of a card anew: of others as given, the viewer's own as the page knows it. */
export function showLikes(page: Page, article: HTMLElement, state: LikeState = likesOn(article)): void {
  const post = { id: article.dataset.post, ...state }
  for (const [selector, partial] of [
    ['.likes', 'likes'],
    ['.like-form', 'like_form'],
  ] as const) {
    const old = article.querySelector(selector)
    if (old) morph(old, renderElement(page, partial, { post }))
  }
}
