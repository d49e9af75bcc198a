import { compareIds } from '../../shared/ids.ts'
import type { CommentView, FeedPostView } from '../../shared/views.ts'
import { warnEditors } from './editing.ts'
import { containsOpened, morph } from '../page/morph.ts'
import { renderElement, type Page } from '../page/page.ts'

/** The comment that an event reports: new or changed, or the id of a removed one. */
export interface CommentChange {
  comment?: CommentView
  removed?: string
}

export function renderCard(page: Page, post: FeedPostView): HTMLElement {
  return renderElement(page, 'post', { post, full: page.postId === post.id, comments: post.comments })
}

/** Updates the card of a post that the page shows. */
export function updateCard(
  page: Page,
  old: HTMLElement,
  post: FeedPostView,
  change: CommentChange = {},
): void {
  const fresh = renderCard(page, post)
  if (page.expanded.has(post.id)) keepAllComments(page, old, fresh, post, change)
  keepOpened(old, fresh)
  morph(old, fresh)
  warnEditors(old)
}

/** Keeps a comment that the new card leaves out if the reader has opened something in it, for example its editor. */
function keepOpened(old: Element, fresh: Element): void {
  const shown = commentsOf(fresh)
  for (const item of commentsOf(old)) {
    if (!containsOpened(item) || shown.some(({ id }) => id === item.id)) continue
    shown.find((other) => compareIds(idOf(other), idOf(item)) > 0)?.before(item.cloneNode(true))
  }
}

/** Keeps all comments of an expanded card, although a new card holds only three of many. */
function keepAllComments(
  page: Page,
  old: Element,
  fresh: Element,
  post: FeedPostView,
  change: CommentChange,
): void {
  const items = new Map<string, Element>()
  for (const item of commentsOf(old)) items.set(idOf(item), item.cloneNode(true) as Element)
  // The page of a post shows only the newest hundred. Then the first comment of the card is older than all of them.
  const [oldest = '0'] = old.querySelector('.more') ? items.keys() : []
  for (const item of commentsOf(fresh)) {
    if (compareIds(idOf(item), oldest) >= 0) items.set(idOf(item), item)
  }
  if (change.comment) items.set(change.comment.id, renderComment(page, post, change.comment))
  if (change.removed) items.delete(change.removed)
  if (post.comment_count === 0) items.clear()
  const sorted = [...items].sort(([a], [b]) => compareIds(a, b)).map(([, item]) => item)
  const count = post.comment_count - sorted.length
  const [id] = items.keys()
  if (count > 0 && id) sorted.unshift(renderElement(page, 'earlier', { post, count, first: { id } }))
  fresh.querySelector('.comments')?.replaceChildren(...sorted)
}

function renderComment(page: Page, post: CommentedPost, comment: CommentView): HTMLElement {
  return renderElement(page, 'comment', { post, comment })
}

/** The part of a post that its comments need. */
type CommentedPost = { id: string; author: { id: string }; group: { id: string } | null }

function postOf({ dataset }: HTMLElement): CommentedPost {
  const { post = '', author = '', group } = dataset
  return { id: post, author: { id: author }, group: group ? { id: group } : null }
}

/** Updates a comment, or inserts it in the order of ids. */
export function putComment(page: Page, article: Element, comment: CommentView): void {
  const fresh = renderComment(page, postOf(article as HTMLElement), comment)
  const old = document.getElementById(fresh.id)
  if (old) return morph(old, fresh)
  const next = commentsOf(article).find((item) => compareIds(idOf(item), comment.id) > 0)
  if (next) next.before(fresh)
  else article.querySelector('.comments')?.append(fresh)
}

/** The elements of the comments that a card shows. */
export function commentsOf(article: Element): HTMLElement[] {
  return [...article.querySelectorAll<HTMLElement>('.comment')]
}

function idOf(item: Element): string {
  return (item as HTMLElement).dataset.comment ?? ''
}
