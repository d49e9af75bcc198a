/** What runs in the page. Without it every link and form works; with it the page lives. */
import type { UserView } from '../shared/views.ts'
import { flipFollow, flipLike, openReply, unfold } from './actions.ts'
import { signIn } from './api.ts'
import { flipCommentLike, tellLikers } from './comment-likes.ts'
import { dropAllDrafts } from './drafts.ts'
import { deleteAsked } from './deleting.ts'
import { closeEditor, openEditor } from './editing.ts'
import { createFeed, sayGone, type Change } from './feed.ts'
import { compareIds, readPage } from './page.ts'
import { applyUser } from './people.ts'
import { refetch } from './reset.ts'
import { guardReturn, streamOf } from './session.ts'
import { send, useDraft } from './sending.ts'
import { tellConnection, toast } from './status.ts'
import { keepStream, type StreamEvent } from './stream.ts'
import { keepTimes } from './times.ts'

const page = readPage()
const feed = createFeed(page)

keepTimes()
if (page.live) keepStream({ path: streamOf(page), after: page.seq, on: receive, onDown, onRefused })
guardReturn(page)
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-send]')) useDraft(page, form)

/** Events that come while some state is being fetched: it may be from before them. */
const held: StreamEvent[] = []
let fetches = 0
let fetched = Promise.resolve()

function receive(event: StreamEvent): void {
  if (fetches > 0) held.push(event)
  else if (event.name === 'reset') hold(reset)
  else if (!event.id || compareIds(event.id, page.seq) > 0) apply(event)
}

/**
 * One fetch after the other, so that none brings what is older than the page. Events that come meanwhile are applied
 * afterwards: one that the fetched state holds already does no harm.
 */
function hold(work: () => Promise<void>): void {
  fetches += 1
  fetched = fetched.then(work).finally(() => {
    fetches -= 1
    if (fetches === 0) for (const event of held.splice(0)) receive(event)
  })
}

function apply({ name, id, payload }: StreamEvent): void {
  if (id) page.seq = id
  if (name === 'user') applyUser(page, payload as UserView)
  else if (name !== 'beat') feed.apply(name, payload as Change)
}

async function reset(): Promise<void> {
  await refetch(page, feed).catch(() => toast('This page could not be brought up to date.', reload()))
}

function reload(): { text: string; href: string } {
  return { text: 'Load it again', href: location.pathname + location.search }
}

function onDown(down: boolean): void {
  tellConnection(down ? 'Reconnecting…' : '')
}

function onRefused(status: number): void {
  if (status === 401) location.assign(signIn().href)
  else sayGone(page, 'This is not there any more, or not for you.')
}

document.addEventListener('submit', (event) => {
  const form = event.target as HTMLFormElement
  if (form.matches('[data-logout]')) return dropAllDrafts()
  if (form.matches('.follow-form')) void flipFollow(page, form)
  else if (form.matches('#live .like-form')) void flipLike(page, form)
  else if (form.matches('#live .comment-like')) void flipCommentLike(page, form)
  // Away from a feed there is nothing to show the result in: the server leads on.
  else if (form.matches('[data-send]') && page.live) void send(page, feed, form)
  else return
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
  if (link.closest('.more')) hold(() => unfold(page, link))
  else if (link.dataset.do === 'reply') openReply(page, link)
  else if (link.dataset.do === 'edit') openEditor(page, link)
  else if (link.dataset.do === 'delete') void deleteAsked(feed, link)
  else if (link.dataset.do === 'likers') void tellLikers(link)
  else if (link.dataset.do === 'cancel') closeEditor(link.closest('form')!)
  event.preventDefault()
})

document.addEventListener('keydown', (event) => {
  const form = (event.target as Element).closest<HTMLFormElement>('form[data-send]')
  if (!form) return
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
  else if (event.key === 'Escape' && form.matches('.editor')) closeEditor(form)
  else if (event.key === 'Escape' && form.matches('.post .reply')) form.remove()
})
