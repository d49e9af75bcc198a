import { comparePosts, pageEntry } from '../../../src/shared/entries.ts'
import type { FeedPage } from '../../../src/shared/pages.ts'
import type { FeedPostView, PostView } from '../../../src/shared/views.ts'
import type { Client } from '../http.ts'
import { openStream, type StreamEvent, type TestStream } from './sse.ts'

/** A home page that applies the events of its stream, as the browser does. */
export interface LivePage {
  /** The posts that the page shows, in order. */
  posts(): FeedPostView[]
  /** Loads the home page again, down to the oldest post that this page has loaded. */
  reload(): Promise<FeedPostView[]>
  /** Resolves once the page shows a post with this body. */
  shows(body: string): Promise<void>
  resets(): number
  close(): void
}

export async function openLivePage(person: Client): Promise<LivePage> {
  const shown = new Map<string, FeedPostView>()
  let feeds: ReadonlySet<string> = new Set()
  /** Posts before this time are on pages that are not loaded; null if all are loaded. */
  let oldest: string | null = null
  let seq = 0
  let resets = 0

  async function load(): Promise<void> {
    const page = await getPage(person, '/')
    shown.clear()
    for (const post of page.posts) shown.set(post.id, post)
    feeds = new Set(page.feeds)
    oldest = page.before === null ? null : page.posts.at(-1)!.entry.at
    seq = Number(page.seq)
  }

  async function apply({ id, event, data }: StreamEvent): Promise<void> {
    if (event === 'reset') {
      resets += 1
      await load()
      return
    }
    if (!['post', 'comment', 'like'].includes(event) || Number(id) <= seq) return
    const card = data.post as PostView
    const entry = data.action === 'deleted' && event === 'post' ? null : pageEntry(card.entries, feeds)
    if (entry === null || (oldest !== null && entry.at < oldest)) shown.delete(card.id)
    else shown.set(card.id, { ...card, entry })
  }

  await load()
  const stream: TestStream = await openStream(`${person.origin}/stream?after=${seq}`, {
    headers: { cookie: person.cookie() },
  })

  return {
    posts: () => [...shown.values()].sort(comparePosts),
    async reload() {
      const posts: FeedPostView[] = []
      for (let path: string | null = '/'; path !== null;) {
        const page: FeedPage = await getPage(person, path)
        posts.push(...page.posts)
        path = page.before && `/?before=${page.before}`
      }
      return posts.filter((post) => oldest === null || post.entry.at >= oldest)
    },
    async shows(body) {
      while (![...shown.values()].some((post) => post.body === body)) {
        await apply(await stream.next(() => true, 10_000))
      }
    },
    resets: () => resets,
    close: () => stream.close(),
  }
}

async function getPage(person: Client, path: string): Promise<FeedPage> {
  const response = await person.get(path)
  if (response.status !== 200) throw new Error(`${path} returned ${response.status}`)
  return response.json
}
