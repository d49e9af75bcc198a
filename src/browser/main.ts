/** The script of every page. It updates the page live; without it, all links and forms work. */
import type { UserView } from '../shared/views.ts'
import type { Change } from './feed/change.ts'
import { createFeed } from './feed/feed.ts'
import { replaceContent } from './feed/gone.ts'
import { toggleLike } from './feed/likes.ts'
import { attachForms } from './forms/forms.ts'
import { importModule, loadModule } from './page/load-module.ts'
import { readPage } from './page/page.ts'
import { startPaging } from './feed/paging.ts'
import { applyUser } from './feed/people.ts'
import { createReceiver } from './sync/receiver.ts'
import { goToSignIn, guardRestoredPage } from './sync/session.ts'
import { showConnection } from './page/status.ts'
import type { StreamState } from './sync/messages.ts'
import { joinStream, type StreamEvent } from './sync/stream.ts'
import { changeSoon, flushChanges } from './page/scroll-anchor.ts'
import { startTimes } from './page/times.ts'

const page = readPage()
const feed = createFeed(page)
const forms = attachForms(page, feed)
const receiver = createReceiver(page, {
  apply,
  async refetch(read) {
    flushChanges()
    const module = await importModule(() => import('./sync/reset.ts'))
    await module.refetch(page, feed, read)
  },
  onStale(value) {
    stale = value
    updateConnection()
  },
  onRefused,
})
let stale = false
let down = false

startTimes()
startPaging({ page, feed, holdDuring: receiver.holdDuring })
if (page.live) joinStream(page, { onEvent: receiver.receive, onState, onRefused })
guardRestoredPage(page)
navigator.serviceWorker?.register('/sw.js').catch(() => {})

function apply({ name, id, payload }: StreamEvent): void {
  if (id) page.seq = id
  if (name === 'user') changeSoon(() => applyUser(page, payload as UserView))
  else if (name !== 'beat') changeSoon(() => feed.apply(name, payload as Change))
}

function onState(state: StreamState): void {
  // `connecting` and `lost` may be over in a moment.
  if (state === 'down') down = true
  else if (state === 'live') down = false
  updateConnection()
}

function updateConnection(): void {
  if (down || !stale) return showConnection(down ? 'Reconnecting…' : '')
  const href = location.pathname + location.search
  showConnection('This page is out of date.', { text: 'Reload', href })
}

function onRefused(status: number): void {
  if (status === 401) goToSignIn()
  else replaceContent(page, 'This page does not exist, or you do not have access to it.')
}

// A click on a blank area of a card gives the card no focus.
let isPressing = false
document.addEventListener('mousedown', () => (isPressing = true))
for (const end of ['mouseup', 'keydown']) document.addEventListener(end, () => (isPressing = false), true)
document.addEventListener('focusin', ({ target }) => {
  if (isPressing && target instanceof HTMLElement && target.matches('.post')) target.blur()
})

document.addEventListener('submit', (event) => {
  const form = event.target as HTMLFormElement
  if (form.matches('.theme')) void loadTheme(form, event.submitter)
  else if (form.matches('.follow-form')) void follow(form)
  else if (form.matches('#live .like-form, #live .comment-like')) void toggleLike(page, form)
  else if (!forms.submit(form)) return
  event.preventDefault()
})

document.addEventListener('click', (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>('[data-do], .more a')
  if (
    !link ||
    event.button !== 0 ||
    event.ctrlKey ||
    event.metaKey ||
    event.shiftKey ||
    !link.closest('#live')
  )
    return
  // Before the action, because closing a menu returns the focus to its button.
  link.closest<HTMLElement>('[popover]')?.hidePopover()
  if (link.closest('.more')) receiver.holdDuring(() => expand(link))
  else if (link.dataset.do === 'likers') void showLikers(link)
  else if (link.dataset.do === 'copy') void copy(link)
  else forms.click(link, { byKeyboard: event.detail === 0 })
  event.preventDefault()
})

async function expand(link: HTMLAnchorElement): Promise<void> {
  flushChanges()
  const module = await loadModule(() => import('./feed/expanding.ts'), link)
  await module?.expandComments(page, link)
}

async function follow(form: HTMLFormElement): Promise<void> {
  const module = await loadModule(() => import('./forms/following.ts'), form)
  await module?.toggleFollow(page, form)
}

async function showLikers(link: HTMLAnchorElement): Promise<void> {
  const module = await loadModule(() => import('./feed/likers.ts'), link)
  await module?.toggleLikers(link)
}

async function copy(link: HTMLAnchorElement): Promise<void> {
  const module = await loadModule(() => import('./page/copy-link.ts'), link)
  await module?.copyLink(link)
}

async function loadTheme(form: HTMLFormElement, button: HTMLElement | null): Promise<void> {
  const module = await loadModule(() => import('./page/theme.ts'), form)
  if (button) await module?.chooseTheme(button)
}

// Another tab may have changed the theme.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void import('./page/theme.ts').then(({ showStoredTheme }) => showStoredTheme())
})
