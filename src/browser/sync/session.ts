import { signInLink } from '../page/api.ts'
import type { Page } from '../page/page.ts'
import { fetchStatus } from './stream.ts'

/**
 * The address of the page's stream. `as` names the viewer: if the session belongs to another person, the answer is 401.
 */
export function streamPath({ me, stream }: Page): string {
  return me ? `${stream}?as=${me.id}` : stream
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
  document.body.hidden = true
  if ((await fetchStatus(`/stream?as=${id}`)) === 401) location.replace(signInLink().href)
  else document.body.hidden = false
}
