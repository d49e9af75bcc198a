import type { UserView } from '../../shared/views.ts'
import { displayName } from '../../shared/filters.ts'
import { renderElement, type Page } from '../page/page.ts'
import { updateLiker } from './likes.ts'

/** Shows the changed username, name or picture of a user everywhere on the page. */
export function applyUser(page: Page, user: UserView): void {
  if (page.me?.id === user.id) Object.assign(page.me, user)
  page.changedUsers.set(user.id, user)
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
  updateLiker(user)
}
