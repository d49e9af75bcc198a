import { displayName } from '../../shared/filters.ts'
import type { UserView } from '../../shared/views.ts'
import { get, showError } from '../page/api.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'

interface LikersPage {
  people: UserView[]
  before: string | null
}

/** Shows the names of the people who like a post or a comment, or hides them if they are shown. */
export async function toggleLikers(link: HTMLAnchorElement): Promise<void> {
  const shown = namesBeside(link)
  if (shown) return withScrollAnchor(() => shown.remove())
  const names = document.createElement('span')
  names.className = 'who'
  names.setAttribute('role', 'status')
  const line = link.closest('.likes')
  if (line) line.append(names)
  else link.after(names)
  await fillIn(names, link).catch((error: unknown) => {
    names.remove()
    showError(error)
  })
}

/** Fetches the names again if they are shown. */
export async function refreshLikers(link: HTMLAnchorElement): Promise<void> {
  const names = namesBeside(link)
  if (names) await fillIn(names, link)
}

function namesBeside(link: HTMLAnchorElement): Element | null {
  return link.parentElement?.querySelector('.who') ?? null
}

async function fillIn(names: Element, link: HTMLAnchorElement): Promise<void> {
  const { people, before } = await get<LikersPage>(link.pathname)
  withScrollAnchor(() => {
    names.textContent = `${people.map(displayName).join(', ')}${before ? ' …' : ''} `
  })
}
