import type { LikesView } from '../../shared/views.ts'
import { get } from '../page/api.ts'
import { articleOf, type Page } from '../page/page.ts'
import { commentsOf } from './card.ts'
import { postLikes, showCommentLikes, showPostLikes } from './likes.ts'

/** The server accepts at most so many ids of posts, and as many of comments, in one request. */
const MAX_IDS = 50
/**
 * One event inserts the same post into every open page. The delay spreads the requests and lets each ask for more ids.
 */
const SHORTEST_DELAY_MS = 200
const LONGEST_DELAY_MS = 3000

/**
 * Fetches whether the viewer likes the posts and comments that events insert: events do not depend on their viewer.
 * Sends nothing until such a post is in the viewport, then one request for all of them.
 */
export function createLikeFetcher(page: Page) {
  const wanted: LikesView = { posts: [], comments: [] }
  let timer = 0

  const observer = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue
      observer.unobserve(target)
      collect(target as HTMLElement)
    }
    if (wanted.posts.length + wanted.comments.length === 0) return
    const jitter = Math.random() * (LONGEST_DELAY_MS - SHORTEST_DELAY_MS)
    timer ||= window.setTimeout(() => void fetchWanted().catch(() => {}), SHORTEST_DELAY_MS + jitter)
  })

  /** A card with up to four likes names all its likers, and a comment without likes has none: nothing to fetch. */
  function collect(article: HTMLElement): void {
    const { like_count, likers } = postLikes(article)
    if (like_count > likers.length) want('posts', article.dataset.post)
    for (const comment of commentsOf(article)) {
      const likes = comment.querySelector<HTMLElement>('.comment-likes')
      if (Number(likes?.dataset.count) > 0) want('comments', comment.dataset.comment)
    }
  }

  function want(kind: keyof LikesView, id = ''): void {
    if (!page.likes[kind].has(id) && !wanted[kind].includes(id)) wanted[kind].push(id)
  }

  async function fetchWanted(): Promise<void> {
    timer = 0
    const posts = wanted.posts.splice(0).slice(-MAX_IDS)
    const comments = wanted.comments.splice(0).slice(-MAX_IDS)
    const liked = await get<LikesView>(`/likes?posts=${posts.join()}&comments=${comments.join()}`)
    for (const id of posts) {
      if (!store('posts', id, liked)) continue
      const article = articleOf(id)
      if (article) showPostLikes(page, article)
    }
    for (const id of comments) if (store('comments', id, liked)) showCommentLikes(page, id)
  }

  /** Returns false if the state is known already: the viewer has clicked, or an event has arrived, since the request. */
  function store(kind: keyof LikesView, id: string, liked: LikesView): boolean {
    if (page.likes[kind].has(id)) return false
    page.likes[kind].set(id, liked[kind].includes(id))
    return true
  }

  return {
    /** Fetches the likes of a card that was inserted, once it is in the viewport. */
    watch(article: HTMLElement): void {
      observer.observe(article)
    },
  }
}
