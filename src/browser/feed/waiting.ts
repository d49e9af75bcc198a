import { comparePosts } from '../../shared/entries.ts'
import type { FeedPostView } from '../../shared/views.ts'
import { newPosts } from '../page/status.ts'

/** New posts that wait until the reader asks for them, behind a button that says how many they are. */
export function createWaiting(show: (posts: FeedPostView[]) => void) {
  const posts = new Map<string, FeedPostView>()
  const button = document.getElementById('waiting')

  button?.addEventListener('click', () => {
    const shown = [...posts.values()].sort(comparePosts)
    posts.clear()
    sayHowMany()
    show(shown)
  })

  function sayHowMany(): void {
    if (!button) return
    button.hidden = posts.size === 0
    button.textContent = newPosts(posts.size)
  }

  return {
    has: (id: string) => posts.has(id),
    ids: () => [...posts.keys()],
    add(post: FeedPostView): void {
      posts.set(post.id, post)
      sayHowMany()
    },
    drop(id: string): void {
      if (posts.delete(id)) sayHowMany()
    },
  }
}
