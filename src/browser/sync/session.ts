import { signInLink } from '../page/api.ts'
import type { Page } from '../page/page.ts'

let isLeaving = false

/** Goes to the sign-in page, once: another call would interrupt the navigation. */
export function goToSignIn(): void {
  if (!isLeaving) location.replace(signInLink().href)
  isLeaving = true
}

/**
 * Hides a page that the browser restores from its back/forward cache until the server confirms the session: the viewer
 * may have signed out since.
 */
export function guardRestoredPage({ me }: Page): void {
  if (!me) return
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) void check(me.id)
  })
}

async function check(id: string): Promise<void> {
  const { scrollY } = window
  document.body.hidden = true
  // `as`: the session must belong to the person of this page.
  const response = await fetch(`/stream?as=${id}`, { method: 'HEAD' }).catch(() => null)
  if (response?.status === 401) goToSignIn()
  else {
    document.body.hidden = false
    window.scrollTo({ top: scrollY, behavior: 'instant' })
  }
}
