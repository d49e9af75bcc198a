import type { LikesView } from '../../shared/views.ts'
import { get } from '../page/api.ts'
import { commentsOf, likesOn, showLikes } from './card.ts'
import { showCommentLikes } from './comment-likes.ts'
import { articleOf, type Page } from '../page/page.ts'

/** The server's bound on the ids of one request. */
const MAX_IDS = 50
/** One event inserts the same post into every open page. The delay spreads their requests and fills each of them. */
const SHORTEST_DELAY_MS = 200
const LONGEST_DELAY_MS = 3000

/**
 * Learns whether the viewer likes the posts and comments that live events insert, because events carry no viewer's
 * state. Sends nothing before such a post is in the viewport, then one request for all of them.
 */
export function createLikeState(page: Page) {
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
    timer ||= window.setTimeout(() => void ask().catch(() => {}), SHORTEST_DELAY_MS + jitter)
  })

  /** A post with up to four likes names everybody who likes it; a comment without likes needs no question. */
  function collect(article: HTMLElement): void {
    const id = article.dataset.post ?? ''
    const { like_count, likers } = likesOn(article)
    if (like_count > likers.length && !page.liked.has(id)) want('posts', id)
    for (const comment of commentsOf(article)) {
      const likes = comment.querySelector<HTMLElement>('.comment-likes')
      if (Number(likes?.dataset.count) > 0) want('comments', comment.dataset.comment ?? '')
    }
  }

  function want(kind: keyof LikesView, id: string): void {
    if (!page.likesKnown[kind].has(id) && !wanted[kind].includes(id)) wanted[kind].push(id)
  }

  async function ask(): Promise<void> {
    timer = 0
    const posts = wanted.posts.splice(0).slice(-MAX_IDS)
    const comments = wanted.comments.splice(0).slice(-MAX_IDS)
    const likes = await get<LikesView>(`/likes?posts=${posts.join()}&comments=${comments.join()}`)
    for (const id of posts) page.likesKnown.posts.add(id)
    for (const id of comments) page.likesKnown.comments.add(id)
    for (const id of likes.posts) {
      page.liked.add(id)
      const article = articleOf(id)
      if (article) showLikes(page, article)
    }
    for (const id of likes.comments) {
      page.likedComments.add(id)
      showCommentLikes(page, id)
    }
  }

  return {
    /** Asks about a post that was inserted, once the reader sees it. */
    watch(article: HTMLElement): void {
      if (page.me) observer.observe(article)
    },
  }
}
