import { comparePosts } from '../../shared/entries.ts'
import type { FeedPostView } from '../../shared/views.ts'
import { newPostsText } from '../page/status.ts'
import { MAX_POSTS } from './list.ts'

/**
 * New posts that are not shown yet, behind a button with their number. A click on the button passes them to `show`. Only
 * the newest 300 are kept: `isComplete` says whether there are no others between them and the posts of the page.
 */
export function createPendingPosts(show: (posts: FeedPostView[], isComplete: boolean) => void) {
  const posts = new Map<string, FeedPostView>()
  const button = document.getElementById('waiting')
  let dropped = 0

  button?.addEventListener('click', () => {
    const isComplete = dropped === 0
    show(take(), isComplete)
  })

  /** Returns the posts, the newest first, and forgets them. */
  function take(): FeedPostView[] {
    const sorted = [...posts.values()].sort(comparePosts)
    posts.clear()
    dropped = 0
    updateButton()
    return sorted
  }

  function updateButton(): void {
    if (!button) return
    button.hidden = posts.size === 0
    button.textContent = newPostsText(posts.size + dropped)
  }

  return {
    has: (id: string) => posts.has(id),
    ids: () => [...posts.keys()],
    isEmpty: () => posts.size === 0,
    isComplete: () => dropped === 0,
    take,
    /** Adds a post, or replaces it. */
    add(post: FeedPostView): void {
      posts.set(post.id, post)
      if (posts.size > MAX_POSTS) {
        const oldest = [...posts.values()].reduce((a, b) => (comparePosts(a, b) > 0 ? a : b))
        posts.delete(oldest.id)
        dropped += 1
      }
      updateButton()
    },
    remove(id: string): void {
      if (posts.delete(id)) updateButton()
    },
  }
}
