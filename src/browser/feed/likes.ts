/** The likes of posts and comments on the page: shows them, toggles them, and applies those that events report. */
import type { UserView } from '../../shared/views.ts'
import type { Change } from './change.ts'
import { post, showError } from '../page/api.ts'
import { morph } from '../page/morph.ts'
import { fromJson, renderElement, type Page } from '../page/page.ts'

/** The likes that a card shows. */
interface PostLikes {
  like_count: number
  likers: UserView[]
}

/** Likes or unlikes the post or comment of `form` at once. If the server refuses, undoes it and shows why. */
export async function toggleLike(page: Page, form: HTMLFormElement): Promise<void> {
  const article = form.closest<HTMLElement>('.post')
  if (!article || form.classList.contains('busy')) return
  const comment = form.closest<HTMLElement>('.comment')?.dataset.comment
  const kind = comment ? 'comments' : 'posts'
  const id = comment ?? article.dataset.post ?? ''
  const like = !page.likes[kind].get(id)
  set(like)
  form.classList.add('busy')
  try {
    await post(`/${kind}/${id}/${like ? 'like' : 'unlike'}`, {}, true)
  } catch (error) {
    // An event may have changed the state meanwhile.
    if (page.likes[kind].get(id) === like) set(!like)
    showError(error)
  } finally {
    form.classList.remove('busy')
  }

  function set(liked: boolean): void {
    page.likes[kind].set(id, liked)
    const difference = liked ? 1 : -1
    if (comment) return showCommentLikes(page, id, difference)
    const { like_count, likers } = postLikes(article!)
    const others = likers.filter((liker) => liker.id !== page.me?.id)
    showPostLikes(page, article!, {
      like_count: Math.max(0, like_count + difference),
      likers: liked ? [page.me!, ...others].slice(0, 4) : others,
    })
  }
}

/** The likes that a card shows now. */
export function postLikes(article: Element): PostLikes {
  const line = article.querySelector<HTMLElement>('.likes')
  return fromJson(line?.dataset.likes, { like_count: 0, likers: [] })
}

/** Renders the likes of a card again. Whether the viewer likes the post is in `page.likes`. */
export function showPostLikes(page: Page, article: HTMLElement, likes = postLikes(article)): void {
  const variables = { post: { id: article.dataset.post, ...likes } }
  for (const [selector, partial] of [
    ['.likes', 'likes'],
    ['.like-form', 'like_form'],
  ] as const) {
    const old = article.querySelector(selector)
    if (old) morph(old, renderElement(page, partial, variables))
  }
}

/** Renders the likes of a comment again, after adding `difference` to their number. */
export function showCommentLikes(page: Page, id: string, difference = 0): void {
  const count = document.querySelector<HTMLElement>(`#comment-${id} .comment-likes`)
  const form = document.querySelector(`#comment-${id} .comment-like`)
  if (!count || !form) return
  const comment = { id, like_count: Math.max(0, Number(count.dataset.count) + difference) }
  morph(count, renderElement(page, 'comment_likes', { comment }))
  morph(form, renderElement(page, 'comment_like', { comment }))
}

/** Stores the viewer's own like if the event reports it. The like can be from another tab. */
export function applyOwnLike({ me, likes }: Page, name: string, change: Change): void {
  const { action, post, user, comment_id } = change
  if (!me) return
  if (post.likers.some((liker) => liker.id === me.id)) likes.posts.set(post.id, true)
  if (name !== 'like' || user?.id !== me.id) return
  if (comment_id) likes.comments.set(comment_id, action === 'added')
  else likes.posts.set(post.id, action === 'added')
}

/** Replaces a user in the likers of each card, so that a later rendering shows the new name. */
export function updateLiker(user: UserView): void {
  for (const line of document.querySelectorAll<HTMLElement>('.likes')) {
    const likes = fromJson<PostLikes>(line.dataset.likes, { like_count: 0, likers: [] })
    likes.likers = likes.likers.map((liker) => (liker.id === user.id ? user : liker))
    line.dataset.likes = JSON.stringify(likes)
  }
}
