import { check, checkEqual, type Case } from '../case.ts'
import { checkGrowing, createdPosts, isAbout, writePost, writePosts } from '../posts.ts'

/** Which events reach a stream, in which order, and how often. */
export const deliveryCases: Case[] = [
  {
    name: 'ids grow strictly within a stream',
    async run(site) {
      const stream = await site.bob.streamFromNow('/stream')
      await writePosts(site, 10)
      const last = await writePost(site)
      await stream.next('the last post', isAbout(last))
      checkGrowing(stream.events)
    },
  },
  {
    name: 'each event arrives once',
    async run(site) {
      const stream = await site.bob.streamFromNow('/stream')
      const ids = await writePosts(site, 10)
      await stream.next('the last post', isAbout(ids.at(-1)!))
      // Copies of the last post would arrive before this one.
      await stream.next('a post after it', isAbout(await writePost(site)))
      checkEqual(createdPosts(stream.events).slice(0, 10), ids, 'the posts')
      checkEqual(createdPosts(stream.events).length, 11, 'the number of posts')
    },
  },
  {
    name: 'a stream for a client that takes zstd has the same events, and each arrives before the next',
    async run(site) {
      const plain = await site.bob.streamFromNow('/stream')
      const { seq } = (await site.bob.get('/')).json
      const headers = { 'accept-encoding': 'zstd' }
      const compressed = await site.bob.stream(`/stream?after=${seq}`, { headers })
      for (let n = 0; n < 3; n++) {
        const id = await writePost(site)
        for (const stream of [plain, compressed]) await stream.next('the post', isAbout(id))
      }
      const late = await site.bob.stream(`/stream?after=${seq}`, { headers })
      await late.next('the last post', isAbout(createdPosts(plain.events).at(-1)!))
      for (const stream of [compressed, late])
        checkEqual(stream.events.slice(0, 3), plain.events.slice(0, 3), 'the events')
    },
  },
  {
    name: 'two streams of one person get every event each',
    async run(site) {
      const streams = [await site.bob.streamFromNow('/stream'), await site.bob.streamFromNow('/stream')]
      const ids = await writePosts(site, 5)
      for (const stream of streams) {
        await stream.next('the last post', isAbout(ids.at(-1)!))
        checkEqual(createdPosts(stream.events), ids, 'the posts')
      }
    },
  },
  {
    name: 'the streams of a person, of a post and of the public feed deliver what happens there',
    async run(site) {
      const id = await writePost(site)
      const paths = [`/users/${site.ann.username}/stream`, `/posts/${id}/stream`, '/public/stream']
      const streams = await Promise.all(paths.map((path) => site.anonymous.streamFromNow(path)))
      await site.cleo.post(`/posts/${id}/comments`, { body: 'everywhere' })
      for (const [n, stream] of streams.entries())
        await stream.next(`the comment on ${paths[n]}`, isAbout(id))
      const [, permalink] = streams
      const other = await writePost(site)
      await site.cleo.post(`/posts/${id}/like`)
      await permalink!.next('the like', (event) => isAbout(id)(event) && event.event === 'like')
      check(!permalink!.events.some(isAbout(other)), 'the stream of a post delivered another post')
    },
  },
  {
    name: 'a home stream delivers only what is in the feeds of its person',
    async run(site) {
      const stream = await site.cleo.streamFromNow('/stream')
      const foreign = await writePost(site)
      const { post: own } = await site.cleo.post('/posts', { body: 'my own' })
      await stream.next('her own post', isAbout(own.id))
      check(!stream.events.some(isAbout(foreign)), 'it delivered a post of someone she does not follow')
    },
  },
  {
    name: 'a like of a followed person brings a post into the feed, and the unlike takes it out',
    async run(site) {
      const { post } = await site.cleo.post('/posts', { body: 'of someone whom Bob does not follow' })
      const stream = await site.bob.streamFromNow('/stream')
      await site.ann.post(`/posts/${post.id}/like`)
      const { data } = await stream.next('the like', isAbout(post.id))
      const [entry] = data.entries
      checkEqual([entry?.reason, entry?.actor?.username], ['liked', site.ann.username], 'reason and actor')
      await site.ann.post(`/posts/${post.id}/unlike`)
      const unlike = await stream.next('the unlike', isAbout(post.id))
      checkEqual(unlike.data.entries, [{ feed: entry.feed, removed: true }], 'entries')
    },
  },
  {
    name: 'with= adds pages to a stream, and an event of several pages arrives once',
    async run(site) {
      const older = await writePost(site)
      const { username } = site.ann
      const stream = await site.cleo.streamFromNow(
        `/stream?with=users/${username}&with=posts/${older}&with=public`,
      )
      await site.bob.post(`/posts/${older}/like`)
      await stream.next('the like', isAbout(older))
      const newer = await writePost(site)
      await stream.next('the new post', isAbout(newer))
      await stream.next('a post after it', isAbout(await writePost(site)))
      for (const id of [older, newer])
        checkEqual(stream.events.filter(isAbout(id)).length, 1, `how often post ${id} arrived`)
    },
  },
  {
    name: 'a page of with= that does not exist is left out, and reported with gone',
    async run(site) {
      const stream = await site.bob.streamFromNow(
        `/stream?with=posts/999999999999&with=users/${site.ann.username}`,
      )
      const { data } = await stream.next('the report', ({ event }) => event === 'gone')
      checkEqual(data.page, 'posts/999999999999', 'page')
      await stream.next('a post', isAbout(await writePost(site)))
    },
  },
]
