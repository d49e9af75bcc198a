import { signIn } from '../page/api.ts'
import type { Page } from '../page/page.ts'
import { statusOf } from './stream.ts'

/** The address of the page's stream; it names whose page this is, so that another person's session gets a 401. */
export function streamOf({ me, stream }: Page): string {
  return me ? `${stream}?as=${me.id}` : stream
}

/**
 * A page that comes back from the back/forward cache may be of someone who has signed out since: nothing of it is shown
 * until its session is known to be good.
 */
export function guardReturn({ me }: Page): void {
  if (!me) return
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) void check(me.id)
  })
}

async function check(id: string): Promise<void> {
  document.body.hidden = true
  if ((await statusOf(`/stream?as=${id}`)) === 401) location.replace(signIn().href)
  else document.body.hidden = false
}
