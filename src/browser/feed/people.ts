import type { UserView } from '../../shared/views.ts'
import { displayName } from '../../shared/filters.ts'
import { fromJson, renderElement, type Page } from '../page/page.ts'

/** Someone changed their name or picture: shows it wherever they are on the page. */
export function applyUser(page: Page, user: UserView): void {
  if (page.me?.id === user.id) Object.assign(page.me, user)
  page.changed.set(user.id, user)
  for (const element of document.querySelectorAll<HTMLElement>(`[data-user="${user.id}"]`)) {
    element.textContent = displayName(user)
    if (element instanceof HTMLAnchorElement) element.href = `/users/${user.username}`
  }
  for (const handle of document.querySelectorAll(`[data-handle="${user.id}"]`)) {
    handle.textContent = `@${user.username}`
  }
  for (const picture of document.querySelectorAll<HTMLElement>(`[data-pic="${user.id}"]`)) {
    picture.replaceWith(renderElement(page, 'picture', { person: user, size: picture.dataset.size }))
  }
  for (const line of document.querySelectorAll<HTMLElement>('.likes')) {
    const state = fromJson<{ likers: UserView[] }>(line.dataset.likes, { likers: [] })
    if (!state.likers.some(({ id }) => id === user.id)) continue
    state.likers = state.likers.map((liker) => (liker.id === user.id ? user : liker))
    line.dataset.likes = JSON.stringify(state)
  }
}
