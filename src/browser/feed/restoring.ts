import { oldestShown, type Page } from '../page/page.ts'
import { expandComments } from './expanding.ts'
import type { Feed } from './feed.ts'
import { MAX_POSTS } from './list.ts'
import { showOlder } from './older-posts.ts'
import { goToPlace, type Place } from './place.ts'

/** Shows the same posts and comments as before the reader left the page, and goes to the same place. */
export async function restorePlace(page: Page, feed: Feed, place: Place): Promise<void> {
  let hasMoved = false
  for (const event of ['wheel', 'touchmove', 'keydown']) {
    window.addEventListener(event, () => (hasMoved = true), { once: true, passive: true })
  }
  for (let shown = 0; shown < MAX_POSTS && oldestShown() > place.oldest; shown += 10) {
    if (!(await showOlder(page, feed))) break
  }
  for (const id of place.expanded) {
    const link = document.querySelector<HTMLAnchorElement>(`#post-${id} .more a`)
    if (link) await expandComments(page, link, { focus: false })
  }
  if (!hasMoved) goToPlace(place)
}
