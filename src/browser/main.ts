/** What runs in the page. Without it every link and form works; with it the page lives. */
import type { UserView } from '../shared/views.ts'
import { flipFollow, flipLike, openReply, unfold } from './forms/actions.ts'
import { signIn } from './page/api.ts'
import { flipCommentLike, tellLikers } from './feed/comment-likes.ts'
import { dropAllDrafts } from './forms/drafts.ts'
import { deleteAsked } from './forms/deleting.ts'
import { closeEditor, openEditor } from './feed/editing.ts'
import { createFeed, sayGone, type Change } from './feed/feed.ts'
import { readPage } from './page/page.ts'
import { applyUser } from './feed/people.ts'
import { createReceiver } from './sync/receiver.ts'
import { refetch } from './sync/reset.ts'
import { guardReturn, streamOf } from './sync/session.ts'
import { send, useDraft } from './forms/sending.ts'
import { tellConnection } from './page/status.ts'
import { keepStream, type StreamEvent } from './sync/stream.ts'
import { keepTimes } from './page/times.ts'

const page = readPage()
const feed = createFeed(page)
const receiver = createReceiver(page, {
  apply,
  refetch: (read) => refetch(page, feed, read),
  onStale(is) {
    stale = is
    showConnection()
  },
  onRefused,
})
let stale = false
let down = false

keepTimes()
if (page.live) keepStream({ path: streamOf(page), after: page.seq, on: receiver.receive, onDown, onRefused })
guardReturn(page)
for (const form of document.querySelectorAll<HTMLFormElement>('form[data-send]')) useDraft(page, form)

function apply({ name, id, payload }: StreamEvent): void {
  if (id) page.seq = id
  if (name === 'user') applyUser(page, payload as UserView)
  else if (name !== 'beat') feed.apply(name, payload as Change)
}

function onDown(is: boolean): void {
  down = is
  showConnection()
}

function showConnection(): void {
  if (down || !stale) return tellConnection(down ? 'Reconnecting…' : '')
  const href = location.pathname + location.search
  tellConnection('This page is not up to date.', { text: 'Load it again', href })
}

function onRefused(status: number): void {
  if (status === 401) location.assign(signIn().href)
  else sayGone(page, 'This page does not exist, or you may not see it.')
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
  if (link.closest('.more')) receiver.hold(() => unfold(page, link))
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
