import { comparePosts, pageEntry } from '../../shared/entries.ts'
import type { FeedPostView } from '../../shared/views.ts'
import { renderCard, updateCard, type CommentChange } from './card.ts'
import type { Change } from './change.ts'
import { unsentForms } from './editing.ts'
import type { createLikeFetcher } from './like-fetcher.ts'
import { applyOwnLike } from './likes.ts'
import { articleOf, articles, type Page } from '../page/page.ts'
import { applyUser } from './people.ts'
import { createPendingPosts } from './pending-posts.ts'
import { focusOn } from '../page/focus.ts'
import { goToTop, isAtTop, withScrollAnchor } from '../page/scroll-anchor.ts'
import { announceNewPosts } from '../page/status.ts'

type LikeFetcher = ReturnType<typeof createLikeFetcher>
export type Feed = ReturnType<typeof createFeed>

/** The posts of the page: inserts, updates and removes them. */
export function createFeed(page: Page) {
  let likeFetcher: Promise<LikeFetcher> | null = null
  const pending = createPendingPosts((posts) => {
    withScrollAnchor(() => {
      for (const post of posts) insert(post)
      for (const user of page.changedUsers.values()) applyUser(page, user)
      goToTop()
    })
    focusOn(articles()[0] ?? null)
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
    if (!atOnce) announceNewPosts(1)
    if (atOnce) withScrollAnchor(() => insert(post))
    else if (isAtTop()) showAtTop(post)
    else pending.add(post)
  }

  /** The focus alone does not mean that the reader looks at something further down. */
  function showAtTop(post: FeedPostView): void {
    withScrollAnchor(() => {
      insert(post)
      goToTop()
    })
  }

  function insert(post: FeedPostView): void {
    if (articleOf(post.id)) return
    const fresh = renderCard(page, post)
    fresh.classList.add('fresh')
    fresh.addEventListener('animationend', () => fresh.classList.remove('fresh'), { once: true })
    const next = articles().find(({ dataset }) => {
      const shown = { id: dataset.post ?? '', entry: { at: dataset.at ?? '' } }
      return comparePosts(post, shown) < 0
    })
    if (next) next.before(fresh)
    else document.getElementById('feed')?.append(fresh)
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
    else withScrollAnchor(() => removeArticle(article))
  }

  return { apply, put, remove, pending }
}

/** If the reader has opened the names of the people who like this post or comment, updates them. */
function updateNames(id: string): void {
  const names = document.querySelector(`#${id} > * > .who, #${id} > * > .likes > .who`)
  const link = names?.parentElement?.querySelector<HTMLAnchorElement>('[data-do="likers"]')
  if (link) void import('./likers.ts').then(({ refreshLikers }) => refreshLikers(link)).catch(() => {})
}

/** Removes a post. A text that the reader has not sent stays, so that it can be copied. */
function removeArticle(article: HTMLElement): void {
  const forms = unsentForms(article)
  if (forms.length === 0) return article.remove()
  article.classList.add('gone')
  article.replaceChildren(noticeOf('This post was deleted. You can copy your text.'), ...forms)
}

/** Replaces all that the page shows by a message, except texts that the reader has not sent. */
export function replaceContent(page: Page, message: string): void {
  page.live?.classList.add('gone')
  page.live?.replaceChildren(noticeOf(message), ...unsentForms(page.live))
}

function noticeOf(message: string): HTMLElement {
  const notice = document.createElement('p')
  notice.className = 'empty'
  notice.setAttribute('role', 'status')
  notice.textContent = message
  return notice
}

function commentChange(name: string, { action, comment }: Change): CommentChange {
  if (name === 'post' || !comment) return {}
  return 'body' in comment && action !== 'deleted' ? { comment } : { removed: comment.id }
}
