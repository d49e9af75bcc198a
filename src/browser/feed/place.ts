/** The place of the reader on a page of posts. Back and reload return to it; the browser forgets it with the tab. */
import { articleOf, articles, fromJson, oldestShown, type Page } from '../page/page.ts'

export interface Place {
  viewer: string
  /** The visible post, and its distance from the top of the window. Empty at the top of the page. */
  post: string
  top: number
  /** The time of the oldest post that was shown. */
  oldest: string
  /** The posts whose comments were unfolded. */
  expanded: string[]
}

const key = () => `koafeed:place:${location.pathname}${location.search}`

export function savePlace(page: Page): void {
  const post = articles().find((article) => article.getBoundingClientRect().bottom > 0)
  const place: Place = {
    viewer: page.me?.id ?? '',
    post: (window.scrollY > 0 && post?.dataset.post) || '',
    top: post?.getBoundingClientRect().top ?? 0,
    oldest: oldestShown(),
    expanded: [...page.expanded],
  }
  try {
    sessionStorage.setItem(key(), JSON.stringify(place))
  } catch {
    // The storage can be disabled. Then Back shows the top of the page.
  }
}

/** Returns the saved place after Back, Forward or a reload. */
export function findPlace(page: Page): Place | null {
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  if (!navigation || navigation.type === 'navigate') return null
  try {
    const place = fromJson<Place | null>(sessionStorage.getItem(key()) ?? '', null)
    return place?.viewer === (page.me?.id ?? '') ? place : null
  } catch {
    return null
  }
}

/** Scrolls so that the post of the place is where it was. */
export function goToPlace({ post, top }: Place): void {
  const article = articleOf(post)
  if (article) window.scrollBy({ top: article.getBoundingClientRect().top - top, behavior: 'instant' })
}
