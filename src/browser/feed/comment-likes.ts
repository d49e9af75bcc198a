import { displayName } from '../../shared/filters.ts'
import type { UserView } from '../../shared/views.ts'
import { get, post, tellRefusal } from '../page/api.ts'
import { morph } from '../page/morph.ts'
import { renderElement, type Page } from '../page/page.ts'
import { keepPlace } from '../page/place.ts'

/** Likes or unlikes a comment at once; where the server refuses, takes it back and says why. */
export async function flipCommentLike(page: Page, form: HTMLFormElement): Promise<void> {
  const id = form.closest<HTMLElement>('.comment')?.dataset.comment
  if (!id || form.classList.contains('busy')) return
  const like = !page.likedComments.has(id)
  set(like)
  form.classList.add('busy')
  try {
    await post(`/comments/${id}/${like ? 'like' : 'unlike'}`)
  } catch (error) {
    // A frame may have told meanwhile how it is.
    if (page.likedComments.has(id) === like) set(!like)
    tellRefusal(error)
  } finally {
    form.classList.remove('busy')
  }

  function set(liked: boolean): void {
    if (liked) page.likedComments.add(id!)
    else page.likedComments.delete(id!)
    showCommentLikes(page, id!, liked ? 1 : -1)
  }
}

/** Shows how many like a comment, `more` than it said, and whether the viewer does. */
export function showCommentLikes(page: Page, id: string, more = 0): void {
  const count = document.querySelector<HTMLElement>(`#comment-${id} .comment-likes`)
  const form = document.querySelector(`#comment-${id} .comment-like`)
  if (!count || !form) return
  const comment = { id, like_count: Math.max(0, Number(count.dataset.count) + more) }
  morph(count, renderElement(page, 'comment_likes', { comment }))
  morph(form, renderElement(page, 'comment_like', { comment }))
}

interface Likers {
  people: UserView[]
  before: string | null
}

/** Names who like a comment, beside their number; a second click takes the names away. */
export async function tellLikers(link: HTMLAnchorElement): Promise<void> {
  const told = link.parentElement?.querySelector('.who')
  if (told) return keepPlace(() => told.remove())
  const who = document.createElement('span')
  who.className = 'who'
  who.setAttribute('role', 'status')
  link.after(who)
  await nameLikers(link, who).catch((error: unknown) => {
    who.remove()
    tellRefusal(error)
  })
}

/** Where the names are shown, they are kept current. */
export async function refreshLikers(id: string): Promise<void> {
  const link = document.querySelector<HTMLAnchorElement>(`#comment-${id} .comment-likes`)
  const who = link?.parentElement?.querySelector<HTMLElement>('.who')
  if (link && who) await nameLikers(link, who)
}

async function nameLikers(link: HTMLAnchorElement, who: HTMLElement): Promise<void> {
  const { people, before } = await get<Likers>(link.pathname)
  const names = people.map((person) => displayName(person)).join(', ')
  keepPlace(() => {
    who.textContent = `${names}${before ? ' …' : ''} `
  })
}
