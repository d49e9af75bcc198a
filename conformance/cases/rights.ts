import { check, type Case } from '../case.ts'
import { isAbout, writePost } from '../posts.ts'
import type { Stream, StreamEvent } from '../stream.ts'

const isReset = ({ event }: StreamEvent) => event === 'reset'

/** Who gets what, while that changes. */
export const rightsCases: Case[] = [
  {
    name: 'a follow is answered by a reset of the home stream, then posts of that person arrive',
    async run(site) {
      const { ann, cleo } = site
      const stream = await cleo.streamFromNow('/stream')
      await cleo.post(`/users/${ann.username}/follow`)
      try {
        await stream.next('the reset', isReset)
        await stream.next('a post', isAbout(await writePost(site)))
      } finally {
        await cleo.post(`/users/${ann.username}/unfollow`)
      }
    },
  },
  {
    name: 'an unfollow is answered by a reset of the home stream, then posts of that person no longer arrive',
    async run(site) {
      const { ann, cleo } = site
      await cleo.post(`/users/${ann.username}/follow`)
      const stream = await cleo.streamFromNow('/stream')
      await cleo.post(`/users/${ann.username}/unfollow`)
      await stream.next('the reset', isReset)
      const id = await writePost(site)
      const { post } = await cleo.post('/posts', { body: 'after it' })
      await stream.next('her own post', isAbout(post.id))
      check(!stream.events.some(isAbout(id)), 'a post written after the unfollow arrived')
    },
  },
  {
    name: 'a follow that the cursor is older than is answered by a reset',
    async run(site) {
      const { ann, cleo } = site
      const { seq } = (await cleo.get('/')).json
      await cleo.post(`/users/${ann.username}/follow`)
      try {
        const stream = await cleo.stream('/stream', { headers: { 'last-event-id': seq } })
        await stream.next('the reset', isReset)
      } finally {
        await cleo.post(`/users/${ann.username}/unfollow`)
      }
    },
  },
  {
    name: 'a logout ends the streams of its session, and no others',
    async run(site) {
      const session = await site.bob.signIn()
      const [ended, other] = [await session.streamFromNow('/stream'), await site.bob.streamFromNow('/stream')]
      await session.post('/logout')
      await ended.ended()
      await other.next('a post', isAbout(await writePost(site)))
      await session.stream('/stream', { status: 401 })
    },
  },
  {
    name: 'the stream of a private group is 404 for those who are not in it, and its posts do not reach them',
    async run(site) {
      const { ann, bob, cleo, anonymous } = site
      const name = site.newName()
      await ann.post('/groups', { name, title: 'A private group', description: '', visibility: 'private' })
      for (const who of [bob, cleo, anonymous]) await who.stream(`/groups/${name}/stream`, { status: 404 })
      const member = await ann.streamFromNow(`/groups/${name}/stream`)
      const outsiders: Stream[] = [
        await bob.streamFromNow('/stream'),
        await anonymous.streamFromNow('/public/stream'),
        await anonymous.streamFromNow(`/users/${ann.username}/stream`),
      ]
      const { post } = await ann.post('/posts', { body: 'for members', group: name })
      await member.next('the post of the group', isAbout(post.id))
      const mark = await writePost(site)
      for (const stream of outsiders) {
        await stream.next('a public post after it', isAbout(mark))
        check(!stream.text().includes('for members'), 'a private post reached someone outside the group')
      }
      for (const who of [bob, anonymous]) await who.stream(`/posts/${post.id}/stream`, { status: 404 })
    },
  },
]
