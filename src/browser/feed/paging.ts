import { articles, oldestShown, type Page } from '../page/page.ts'
import { loadModule } from '../page/load-module.ts'
import type { Feed } from './feed.ts'
import { MAX_POSTS, isOlderShown, olderLink } from './list.ts'
import { findPlace, goToPlace, savePlace } from './place.ts'

/** Older posts appear so often by themselves. Then the reader presses the button, and can reach the end of the page. */
const MAX_AUTOMATIC = 3

export interface PagingOptions {
  page: Page
  feed: Feed
  /** Holds the events that arrive during a fetch. */
  holdDuring(work: () => Promise<void>): void
}

/**
 * Adds older posts when the reader comes near the end of the page, and when "Older posts" is pressed. Remembers the place
 * of the reader for a return to the page.
 */
export function startPaging({ page, feed, holdDuring }: PagingOptions): void {
  let automatic = 0
  if (!document.getElementById('feed')) return

  function show(focus: boolean): void {
    holdDuring(async () => {
      const module = await loadModule(() => import('./older-posts.ts'), olderLink()!)
      await module?.showOlder(page, feed, { focus })
    })
  }

  olderLink()?.addEventListener('click', (event) => {
    // A page with so many posts is followed by another page.
    if (event.ctrlKey || event.metaKey || event.shiftKey || articles().length >= MAX_POSTS) return
    event.preventDefault()
    show(true)
  })

  window.addEventListener('scroll', () => {
    const link = olderLink()
    if (automatic >= MAX_AUTOMATIC || !isOlderShown() || !link || link.classList.contains('busy')) return
    if (link.getBoundingClientRect().top > 2 * window.innerHeight || articles().length >= MAX_POSTS) return
    automatic += 1
    show(false)
  })

  history.scrollRestoration = 'manual'
  window.addEventListener('pagehide', () => savePlace(page))
  const place = findPlace(page)
  if (!place) return
  goToPlace(place)
  if (place.oldest >= oldestShown() && place.expanded.length === 0) return
  holdDuring(async () => {
    const { restorePlace } = await import('./restoring.ts')
    await restorePlace(page, feed, place)
  })
}
