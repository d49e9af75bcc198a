import { pageEntry } from '../../shared/entries.ts'
import type { FeedPostView } from '../../shared/views.ts'
import { updateCard, type CommentChange } from './card.ts'
import type { Change } from './change.ts'
import { keepUnsent, replaceContent } from './gone.ts'
import type { createLikeFetcher } from './like-fetcher.ts'
import { applyOwnLike } from './likes.ts'
import { containsOpened } from '../page/morph.ts'
import { createList, cursorOf, setOlder } from './list.ts'
import { articleOf, articles, type Page } from '../page/page.ts'
import { applyUser } from './people.ts'
import { createPendingPosts } from './pending-posts.ts'
import { focusOn } from '../page/focus.ts'
import { goToTop, isAtTop, withScrollAnchor } from '../page/scroll-anchor.ts'
import { announceNewPosts, say } from '../page/status.ts'

type LikeFetcher = ReturnType<typeof createLikeFetcher>
export type Feed = ReturnType<typeof createFeed>

/** The posts of the page: inserts, updates and removes them. */
export function createFeed(page: Page) {
  let likeFetcher: Promise<LikeFetcher> | null = null
  let isPaused = false
  const list = createList(page)
  const pending = createPendingPosts((posts, isComplete) => {
    showNew(posts, isComplete)
    focusOn(articles()[0] ?? null)
  })

  document.getElementById('pause')?.addEventListener('click', ({ currentTarget }) => {
    isPaused = !isPaused
    ;(currentTarget as Element).textContent = isPaused ? 'Resume' : 'Pause'
    say(isPaused ? 'New posts wait until you resume.' : 'New posts appear again.')
    if (!isPaused && isAtTop()) showPending()
  })

  /** Applies an event. Idempotent, because an event carries the state after the change. */
  function apply(name: string, change: Change): void {
    const { post } = change
    if (name === 'post' && change.action === 'deleted') return remove(post.id)
    if (page.postId && page.postId !== post.id) return
    applyOwnLike(page, name, change)
    const entry = page.postId
      ? { at: post.created_at, reason: null, actor: null }
      : pageEntry(post.entries, page.feeds)
    if (!entry) return remove(post.id)
    const own = name === 'post' && change.action === 'created' && post.author.id === page.me?.id
    put({ ...post, entry }, { change: commentChange(name, change), atOnce: own })
    if (name === 'like') updateNames(change.comment_id ? `comment-${change.comment_id}` : `post-${post.id}`)
  }

  /** Updates a post that the page shows. Inserts any other post, at once or behind the button for pending posts. */
  function put(
    post: FeedPostView,
    { change = {}, atOnce = false }: { change?: CommentChange; atOnce?: boolean } = {},
  ) {
    const article = articleOf(post.id)
    if (article) return withScrollAnchor(() => updateCard(page, article, post, change))
    if (pending.has(post.id)) return pending.add(post)
    if (page.postId || !page.isFirstPage || post.entry.at < page.oldestAt) return
    if (atOnce) return showOwn(post)
    announceNewPosts(1)
    pending.add(post)
    if (!isPaused && isAtTop()) showPending()
  }

  function showOwn(post: FeedPostView): void {
    withScrollAnchor(() => {
      insert(post)
      if (isAtTop()) goToTop()
    })
  }

  function showPending(): void {
    const isComplete = pending.isComplete()
    if (!pending.isEmpty()) showNew(pending.take(), isComplete)
  }

  /** Shows new posts at the top. The focus alone does not mean that the reader looks at something further down. */
  function showNew(posts: FeedPostView[], isComplete: boolean): void {
    withScrollAnchor(() => {
      // Between these posts and the shown ones are others, which the page does not have.
      if (!isComplete) for (const article of articles()) if (!containsOpened(article)) list.remove(article)
      for (const post of posts) insert(post)
      for (const user of page.changedUsers.values()) applyUser(page, user)
      page.changedUsers.clear()
      if (!isComplete) setOlder(page, cursorOf(posts.at(-1)!))
      goToTop()
    })
  }

  /** Adds older posts at the end. */
  function append(posts: FeedPostView[]): void {
    for (const post of posts) {
      const article = articleOf(post.id)
      if (article) updateCard(page, article, post)
      else if (!pending.has(post.id)) list.insert(post)
    }
  }

  function insert(post: FeedPostView): void {
    if (articleOf(post.id)) return
    const fresh = list.insert(post)
    fresh.classList.add('fresh')
    fresh.addEventListener('animationend', () => fresh.classList.remove('fresh'), { once: true })
    if (page.me) void watchLikes(fresh).catch(() => {})
  }

  /** An event does not say whether the viewer likes the post. */
  async function watchLikes(article: HTMLElement): Promise<void> {
    likeFetcher ??= import('./like-fetcher.ts').then((module) => module.createLikeFetcher(page))
    const { watch } = await likeFetcher
    watch(article)
  }

  function remove(id: string): void {
    pending.remove(id)
    const article = articleOf(id)
    if (!article) return
    if (page.postId === id) replaceContent(page, 'This post was deleted.')
    else withScrollAnchor(() => void (keepUnsent(article) || list.remove(article)))
  }

  return { apply, put, append, remove, pending }
}

/** If the reader has opened the names of the people who like this post or comment, updates them. */
function updateNames(id: string): void {
  const names = document.querySelector(`#${id} > * > .who, #${id} > * > .likes > .who`)
  const link = names?.parentElement?.querySelector<HTMLAnchorElement>('[data-do="likers"]')
  if (link) void import('./likers.ts').then(({ refreshLikers }) => refreshLikers(link)).catch(() => {})
}

function commentChange(name: string, { action, comment }: Change): CommentChange {
  if (name === 'post' || !comment) return {}
  return 'body' in comment && action !== 'deleted' ? { comment } : { removed: comment.id }
}
