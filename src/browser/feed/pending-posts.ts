import { comparePosts } from '../../shared/entries.ts'
import type { FeedPostView } from '../../shared/views.ts'
import { newPostsText } from '../page/status.ts'

/** New posts that are not shown yet, behind a button with their number. A click on the button passes them to `show`. */
export function createPendingPosts(show: (posts: FeedPostView[]) => void) {
  const posts = new Map<string, FeedPostView>()
  const button = document.getElementById('waiting')

  button?.addEventListener('click', () => {
    const sorted = [...posts.values()].sort(comparePosts)
    posts.clear()
    updateButton()
    show(sorted)
  })

  function updateButton(): void {
    if (!button) return
    button.hidden = posts.size === 0
    button.textContent = newPostsText(posts.size)
  }

  return {
    has: (id: string) => posts.has(id),
    ids: () => [...posts.keys()],
    /** Adds a post, or replaces it. */
    add(post: FeedPostView): void {
      posts.set(post.id, post)
      updateButton()
    },
    remove(id: string): void {
      if (posts.delete(id)) updateButton()
    },
  }
}
