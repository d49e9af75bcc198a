import type { CommentView, LikesView } from '../../shared/views.ts'
import { get, post, tellRefusal } from '../page/api.ts'
import { commentsOf, likesOn, putComment, showLikes } from '../feed/card.ts'
import { textOf } from './forms.ts'
import { renderElement, type Page } from '../page/page.ts'
import { useDraft } from './sending.ts'

/** Likes or unlikes at once; where the server refuses, takes it back and says why. */
export async function flipLike(page: Page, form: HTMLFormElement): Promise<void> {
  const article = form.closest<HTMLElement>('.post')
  const { me } = page
  if (!article || !me || form.classList.contains('busy')) return
  const id = article.dataset.post ?? ''
  const like = !page.liked.has(id)
  set(like)
  form.classList.add('busy')
  try {
    await post(`/posts/${id}/${like ? 'like' : 'unlike'}`)
  } catch (error) {
    // A frame may have told meanwhile how it is.
    if (page.liked.has(id) === like) set(!like)
    tellRefusal(error)
  } finally {
    form.classList.remove('busy')
  }

  function set(liked: boolean): void {
    const { like_count, likers } = likesOn(article!)
    const others = likers.filter((liker) => liker.id !== me!.id)
    if (liked) page.liked.add(id)
    else page.liked.delete(id)
    showLikes(page, article!, {
      like_count: Math.max(0, like_count + (liked ? 1 : -1)),
      likers: liked ? [me!, ...others].slice(0, 4) : others,
    })
  }
}

/** Follows or unfollows in place. On the home page the feed then fills, or empties, by a `reset`. */
export async function flipFollow(page: Page, form: HTMLFormElement): Promise<void> {
  if (form.classList.contains('busy')) return
  const [, , username = '', verb] = (form.getAttribute('action') ?? '').split('/')
  form.classList.add('busy')
  page.followedAt = Date.now()
  try {
    const { user } = await post<{ user: object }>(`/users/${username}/${verb}`)
    const followed = verb === 'follow'
    const fresh = renderElement(page, 'follow', { person: { ...user, username, followed } })
    const focused = form.contains(document.activeElement)
    form.replaceWith(fresh)
    if (focused) fresh.querySelector('button')?.focus({ preventScroll: true })
  } catch (error) {
    form.classList.remove('busy')
    tellRefusal(error)
  }
}

/** Opens the form for a comment below the post, with what was typed before. */
export function openReply(page: Page, link: Element): void {
  const article = link.closest<HTMLElement>('.post')
  if (!article) return
  let form =
    document.querySelector<HTMLFormElement>('#reply') ?? article.querySelector<HTMLFormElement>('.reply')
  if (!form) {
    form = renderElement(page, 'reply', { post: { id: article.dataset.post } }) as HTMLFormElement
    article.querySelector('.post-main')?.append(form)
    useDraft(page, form)
  }
  const field = textOf(form)
  field.focus({ preventScroll: true })
  form.scrollIntoView({ block: 'nearest', behavior: 'instant' })
  field.setSelectionRange(field.value.length, field.value.length)
}

/** More than these many hundreds of comments are read on the post's own page. */
const MAX_PAGES = 5

interface CommentsPage {
  comments: CommentView[]
  likes: LikesView
  before: string | null
}

/** Shows all comments of a post where "N more comments" stood. */
export async function unfold(page: Page, link: HTMLAnchorElement): Promise<void> {
  const article = link.closest<HTMLElement>('.post')
  const id = article?.dataset.post ?? ''
  if (!article || link.classList.contains('busy')) return
  link.classList.add('busy')
  try {
    const comments: CommentView[] = []
    let before: string | null = null
    for (let i = 0; i < MAX_PAGES; i++) {
      const answer: CommentsPage = await get(
        `/posts/${id}/comments?limit=100${before ? `&before=${before}` : ''}`,
      )
      comments.unshift(...answer.comments)
      for (const liked of answer.likes.comments) page.likedComments.add(liked)
      before = answer.before
      if (!before) break
    }
    if (before) return location.assign(link.href)
    page.unfolded.add(id)
    article.querySelector('.more')?.remove()
    for (const comment of comments) putComment(page, article, comment)
    const second = commentsOf(article)[1]
    if (second) {
      second.tabIndex = -1
      second.focus({ preventScroll: true })
    }
  } catch (error) {
    tellRefusal(error)
  } finally {
    link.classList.remove('busy')
  }
}
