import { comparePosts, leadEntry } from '../../shared/entries.ts'
import type { CommentView, FeedPostView, PostView, UserView } from '../../shared/views.ts'
import { renderCard, updateCard, type CommentChange } from './card.ts'
import { refreshLikers } from './comment-likes.ts'
import { createLikeState } from './like-state.ts'
import { articleOf, articles, type Page } from '../page/page.ts'
import { applyUser } from './people.ts'
import { isAtTop, keepPlace } from '../page/place.ts'
import { tellNew } from '../page/status.ts'
import { createWaiting } from './waiting.ts'

/** The payload of `post`, `comment` and `like` events (DESIGN.md, "The stream contract"). */
export interface Change {
  action: string
  post: PostView
  comment?: CommentView | { id: string }
  comment_id?: string
  user?: UserView | { id: string }
}

export type Feed = ReturnType<typeof createFeed>

/** The posts of the page: what comes in, changes and goes, and where. */
export function createFeed(page: Page) {
  const likeState = createLikeState(page)
  const waiting = createWaiting((posts) => {
    for (const post of posts) insert(post)
    for (const user of page.changed.values()) applyUser(page, user)
    window.scrollTo({ top: 0, behavior: 'instant' })
    articles()[0]?.focus({ preventScroll: true })
  })

  /** Applies a live event. It tells a state, not a difference: twice is as good as once. */
  function apply(name: string, change: Change): void {
    const { post } = change
    if (name === 'post' && change.action === 'deleted') return remove(post.id)
    if (page.full && page.full !== post.id) return
    noteOwn(name, change)
    const entry = page.full
      ? { at: post.created_at, reason: null, actor: null }
      : leadEntry(post.entries, page.feeds)
    if (!entry) return remove(post.id)
    const mine = name === 'post' && change.action === 'created' && post.author.id === page.me?.id
    put({ ...post, entry }, { change: commentChange(name, change), atOnce: mine })
    if (change.comment_id) void refreshLikers(change.comment_id).catch(() => {})
  }

  /** The viewer's own like, made in another tab perhaps. */
  function noteOwn(name: string, { action, post, user, comment_id }: Change): void {
    if (page.me && post.likers.some((liker) => liker.id === page.me?.id)) page.liked.add(post.id)
    if (name !== 'like' || !user || user.id !== page.me?.id) return
    const liked = comment_id ? page.likedComments : page.liked
    if (action === 'added') liked.add(comment_id ?? post.id)
    else liked.delete(comment_id ?? post.id)
  }

  /** Shows a post: in its place where it has one, else where it belongs, or behind the button. */
  function put(
    post: FeedPostView,
    { change = {}, atOnce = false }: { change?: CommentChange; atOnce?: boolean } = {},
  ) {
    const article = articleOf(post.id)
    if (article) return keepPlace(() => updateCard(page, article, post, change))
    if (waiting.has(post.id)) return waiting.add(post)
    if (page.full || !page.newest || post.entry.at < page.floor) return
    if (!atOnce) tellNew(1)
    if (atOnce || isAtTop()) keepPlace(() => insert(post))
    else waiting.add(post)
  }

  function insert(post: FeedPostView): void {
    if (articleOf(post.id)) return
    const fresh = renderCard(page, post)
    fresh.classList.add('fresh')
    fresh.addEventListener('animationend', () => fresh.classList.remove('fresh'), { once: true })
    const later = articles().find(({ dataset }) => {
      const shown = { id: dataset.post ?? '', entry: { at: dataset.at ?? '' } }
      return comparePosts(post, shown) < 0
    })
    if (later) later.before(fresh)
    else document.getElementById('feed')?.append(fresh)
    likeState.watch(fresh)
  }

  function remove(id: string): void {
    waiting.drop(id)
    const article = articleOf(id)
    if (!article) return
    if (page.full === id) sayGone(page)
    else keepPlace(() => article.remove())
  }

  return { apply, put, remove, waiting }
}

/** Takes what the page showed away, when it is gone, or not for this viewer any more. */
export function sayGone(page: Page, words = 'This post was deleted.'): void {
  const notice = document.createElement('p')
  notice.className = 'empty'
  notice.setAttribute('role', 'status')
  notice.textContent = words
  page.live?.replaceChildren(notice)
}

function commentChange(name: string, { action, comment }: Change): CommentChange {
  if (name === 'post' || !comment) return {}
  return 'body' in comment && action !== 'deleted' ? { comment } : { removed: comment.id }
}
