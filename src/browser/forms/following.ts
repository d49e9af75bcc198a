import { post, showError } from '../page/api.ts'
import { refreshParts } from '../page/fresh-parts.ts'
import { renderElement, type Page } from '../page/page.ts'

/** Follows or unfollows a person without leaving the page. On the home page, a `reset` then updates the posts. */
export async function toggleFollow(page: Page, form: HTMLFormElement): Promise<void> {
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
    await refreshParts(page)
  } catch (error) {
    form.classList.remove('busy')
    showError(error)
  }
}
