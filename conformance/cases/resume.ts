import { check, checkEqual, type Case } from '../case.ts'
import { checkGrowing, createdPosts, isAbout, writePost, writePosts } from '../posts.ts'
import type { StreamEvent } from '../stream.ts'

/** Posts that are written while a client reconnects after each event, and those written between two connections. */
const WRITES = 20
const OFFLINE_WRITES = 10
const NEWER_THAN_ANY_LOG = String(Number.MAX_SAFE_INTEGER)

/** Cursors: where a stream continues after a disconnect, or after a page. */
export const resumeCases: Case[] = [
  {
    name: 'Last-Event-ID resumes with everything that was missed, in order, once',
    async run(site) {
      const first = await site.bob.streamFromNow('/stream')
      await first.next('a first post', isAbout(await writePost(site)))
      const cursor = first.lastId()
      check(cursor !== undefined, 'the stream has no id to resume from')
      first.close()
      const ids = await writePosts(site, 8)
      const second = await site.bob.stream('/stream', { headers: { 'last-event-id': cursor } })
      await second.next('the last post', isAbout(ids.at(-1)!))
      await second.next('a live post', isAbout(await writePost(site)))
      checkEqual(createdPosts(second.events).slice(0, 8), ids, 'the posts')
      checkEqual(createdPosts(second.events).length, 9, 'the number of posts')
      checkGrowing(second.events)
    },
  },
  {
    name: '?after= resumes too, and Last-Event-ID takes precedence over it',
    async run(site) {
      const before: string = (await site.bob.get('/')).json.seq
      const first = await writePost(site)
      const between: string = (await site.bob.get('/')).json.seq
      const second = await writePost(site)
      const both = await site.bob.stream(`/stream?after=${before}`)
      await both.next('the second post', isAbout(second))
      checkEqual(createdPosts(both.events), [first, second], 'the posts after ?after=')
      const late = await site.bob.stream(`/stream?after=${before}`, { headers: { 'last-event-id': between } })
      await late.next('the second post', isAbout(second))
      checkEqual(createdPosts(late.events), [second], 'the posts after Last-Event-ID')
    },
  },
  {
    name: 'a client that reconnects all the time while others write misses nothing and gets nothing twice',
    async run(site) {
      let cursor: string = (await site.bob.get('/')).json.seq
      const received: StreamEvent[] = []
      const offline: string[] = []
      const written = writePosts(site, WRITES)
      written.catch(() => {}) // awaited below
      try {
        while (createdPosts(received).length < WRITES + OFFLINE_WRITES) {
          const stream = await site.bob.stream('/stream', { headers: { 'last-event-id': cursor } })
          await stream.next('an event after the cursor', () => true)
          received.push(...stream.events)
          cursor = stream.lastId() ?? ''
          check(cursor !== '', 'the stream has no id to resume from')
          stream.close()
          if (offline.length < OFFLINE_WRITES) offline.push(await writePost(site))
        }
      } finally {
        await written
      }
      const all = [...(await written), ...offline]
      checkEqual(createdPosts(received).toSorted(), all.toSorted(), 'the posts')
      checkGrowing(received)
    },
  },
  {
    name: 'the seq of a page is the cursor after which nothing is missing and nothing is old',
    async run(site) {
      const written = writePosts(site, 10)
      await site.bob.get('/')
      const page = (await site.bob.get('/')).json
      const ids = await written
      const stream = await site.bob.stream(`/stream?after=${page.seq}`)
      await stream.next('a live post', isAbout(await writePost(site)))
      const shown = page.posts.map(({ id }: { id: string }) => id).filter((id: string) => ids.includes(id))
      checkEqual([...shown.toReversed(), ...createdPosts(stream.events).slice(0, -1)], ids, 'page and stream')
    },
  },
  {
    name: 'a cursor of the future is answered by a reset, and live events follow',
    async run(site) {
      const stream = await site.bob.stream('/stream', { headers: { 'last-event-id': NEWER_THAN_ANY_LOG } })
      const { id } = await stream.next('a reset', ({ event }) => event === 'reset')
      check(id !== undefined && BigInt(id) < BigInt(NEWER_THAN_ANY_LOG), `the id of the reset is ${id}`)
      await stream.next('a live post', isAbout(await writePost(site)))
    },
  },
  {
    name: 'a cursor of 0 is answered by a reset, or by everything since the beginning',
    async run(site) {
      const id = await writePost(site)
      const stream = await site.bob.stream('/stream?after=0')
      await stream.next(
        'a reset, or a post of the past',
        (event) => event.event === 'reset' || isAbout(id)(event),
        site.timeout * 3,
      )
      await stream.next('a live post', isAbout(await writePost(site)))
    },
  },
]
