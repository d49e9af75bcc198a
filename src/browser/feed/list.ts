/** The list of posts in the page: where a card is inserted, how many there are, and what is before the last one. */
import { comparePosts } from '../../shared/entries.ts'
import { compareIds } from '../../shared/ids.ts'
import type { FeedPostView } from '../../shared/views.ts'
import { containsOpened } from '../page/morph.ts'
import { articles, type Page } from '../page/page.ts'
import { afterChanges } from '../page/scroll-anchor.ts'
import { commentsOf, renderCard } from './card.ts'

/** The page shows at most so many posts: it is open for days, and each change measures it. */
export const MAX_POSTS = 300

export function createList(page: Page) {
  const feed = document.getElementById('feed')
  let isChanged = feed !== null

  /** Inserts the card of a post in the order of the page. */
  function insert(post: FeedPostView): HTMLElement {
    const card = renderCard(page, post)
    const next = articles().find(({ dataset }) => {
      const shown = { id: dataset.post ?? '', entry: { at: dataset.at ?? '' } }
      return comparePosts(post, shown) < 0
    })
    if (next) next.before(card)
    else feed?.insertBefore(card, feed.querySelector(':scope > .empty'))
    isChanged = true
    return card
  }

  function remove(article: HTMLElement): void {
    const { posts, comments } = page.likes
    const id = article.dataset.post ?? ''
    posts.delete(id)
    page.expanded.delete(id)
    for (const { dataset } of commentsOf(article)) comments.delete(dataset.comment ?? '')
    article.remove()
    isChanged = true
  }

  /** Removes the posts after the first 300. A reader who is there, or who has opened a form, keeps them. */
  function trim(): void {
    const shown = articles()
    const last = shown.slice(MAX_POSTS).findLastIndex(isInUse)
    const removed = shown.slice(MAX_POSTS + last + 1)
    if (removed.length === 0) return
    for (const article of removed) remove(article)
    setOlder(page, oldestCursor())
  }

  function tidy(): void {
    if (!isChanged || !feed) return
    trim()
    isChanged = false
    const shown = articles()
    const size = isOlderShown() ? -1 : shown.length
    for (const [i, article] of shown.entries()) {
      article.ariaPosInSet = `${i + 1}`
      article.ariaSetSize = `${size}`
    }
  }

  tidy()
  afterChanges(tidy)

  return { insert, remove }
}

export type List = ReturnType<typeof createList>

function isInUse(article: HTMLElement): boolean {
  return (
    article.getBoundingClientRect().top < 2 * window.innerHeight ||
    article.contains(document.activeElement) ||
    containsOpened(article)
  )
}

export function cursorOf({ id, entry }: Pick<FeedPostView, 'id' | 'entry'>): string {
  return `${entry.at}_${id}`
}

/** The cursor behind the oldest post of the page. A post that activity has moved up stays where it is, but is not old. */
export function oldestCursor(): string {
  const [oldest] = articles()
    .map(({ dataset }) => ({ at: dataset.at ?? '', id: dataset.post ?? '' }))
    .sort((a, b) => (a.at === b.at ? compareIds(a.id, b.id) : a.at < b.at ? -1 : 1))
  return oldest ? `${oldest.at}_${oldest.id}` : ''
}

/** Sets where the link "Older posts" leads; null if there are no older posts. */
export function setOlder(page: Page, before: string | null): void {
  const link = olderLink()
  page.oldestAt = before?.split('_')[0] ?? ''
  if (!link?.parentElement) return
  link.parentElement.hidden = !before
  if (before) link.href = `?before=${encodeURIComponent(before)}`
}

export function olderLink(): HTMLAnchorElement | null {
  return document.querySelector('#older')
}

export function isOlderShown(): boolean {
  const link = olderLink()
  return link?.parentElement?.hidden === false
}
