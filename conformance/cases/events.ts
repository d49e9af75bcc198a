import { check, checkEqual, type Case } from '../case.ts'
import { checkEvent } from '../events.ts'
import { isAbout, writePost } from '../posts.ts'
import type { Site } from '../site.ts'
import type { Stream } from '../stream.ts'

interface Scene {
  site: Site
  /** Bob's home stream. */
  stream: Stream
  post: string
  comment: string
  /** The next event about the post with this name and action. Throws where its payload breaks the contract. */
  // oxlint-disable-next-line typescript/no-explicit-any -- A case checks what it reads.
  get(name: string, action: string): Promise<any>
}

/** A case about what Bob's stream delivers of a post by Ann with one comment by Cleo. */
function eventCase(name: string, run: (scene: Scene) => Promise<void>): Case {
  return {
    name,
    async run(site) {
      const post = await writePost(site)
      const { comment } = await site.cleo.post(`/posts/${post}/comments`, { body: 'a comment' })
      const stream = await site.bob.streamFromNow('/stream')
      async function get(event: string, action: string) {
        const found = await stream.next(
          `the event ${event} ${action}`,
          (one) => isAbout(post)(one) && one.event === event && one.data.action === action,
        )
        checkEvent(found)
        return found.data
      }
      await run({ site, stream, post, comment: comment.id, get })
    },
  }
}

/** The shape and the meaning of each event. */
export const eventCases: Case[] = [
  {
    name: 'a new post is delivered as post created, with the whole card',
    async run(site) {
      const stream = await site.bob.streamFromNow('/stream')
      const id = await writePost(site, 'hello\nworld')
      const event = await stream.next('the event post created', isAbout(id))
      checkEvent(event)
      checkEqual([event.event, event.data.action], ['post', 'created'], 'the event')
      checkEqual(event.data.post.body, 'hello\nworld', 'the text')
      check(event.data.entries.length > 0, 'it names no feed that the post entered')
    },
  },
  eventCase('an edit of a post is delivered as post edited', async ({ site, post, get }) => {
    await site.ann.post(`/posts/${post}/edit`, { body: 'edited' })
    const { post: card } = await get('post', 'edited')
    checkEqual(card.body, 'edited', 'the text')
    check(card.edited_at !== null, 'edited_at is null')
  }),
  eventCase('a deleted post is delivered as post deleted', async ({ site, post, get }) => {
    await site.ann.post(`/posts/${post}/delete`)
    checkEqual((await get('post', 'deleted')).post, { id: post }, 'the post')
  }),
  eventCase('a new comment is delivered as comment created', async ({ site, post, get }) => {
    const { comment } = await site.cleo.post(`/posts/${post}/comments`, { body: 'another' })
    const data = await get('comment', 'created')
    checkEqual([data.comment.id, data.comment.body], [comment.id, 'another'], 'the comment')
    checkEqual(data.post.comment_count, 2, 'comment_count')
  }),
  eventCase('an edit of a comment is delivered as comment edited', async ({ site, comment, get }) => {
    await site.cleo.post(`/comments/${comment}/edit`, { body: 'edited' })
    const data = await get('comment', 'edited')
    checkEqual([data.comment.id, data.comment.body], [comment, 'edited'], 'the comment')
  }),
  eventCase('a deleted comment is delivered as comment deleted', async ({ site, comment, get }) => {
    await site.cleo.post(`/comments/${comment}/delete`)
    const data = await get('comment', 'deleted')
    checkEqual(data.comment, { id: comment }, 'the comment')
    checkEqual(data.post.comment_count, 0, 'comment_count')
  }),
  eventCase('a like and an unlike of a post are delivered', async ({ site, post, get }) => {
    await site.cleo.post(`/posts/${post}/like`)
    const added = await get('like', 'added')
    checkEqual(added.user.username, site.cleo.username, 'who likes the post')
    checkEqual([added.post.like_count, added.comment_id], [1, undefined], 'like_count and comment_id')
    await site.cleo.post(`/posts/${post}/unlike`)
    checkEqual((await get('like', 'removed')).post.like_count, 0, 'like_count')
  }),
  eventCase('a like and an unlike of a comment are delivered', async ({ site, comment, get }) => {
    await site.ann.post(`/comments/${comment}/like`)
    const added = await get('like', 'added')
    checkEqual([added.comment_id, added.user.username], [comment, site.ann.username], 'comment and user')
    checkEqual(added.post.comments[0].like_count, 1, 'like_count')
    await site.ann.post(`/comments/${comment}/unlike`)
    checkEqual((await get('like', 'removed')).comment_id, comment, 'comment_id')
  }),
  {
    name: 'a new name is delivered to everybody as user',
    async run({ ann, cleo }) {
      const stream = await cleo.streamFromNow('/stream')
      const name = `Ann ${Date.now()}`
      await ann.post('/settings/profile', { name, username: ann.username, bio: '' })
      const event = await stream.next(
        'the event user',
        ({ event, data }) => event === 'user' && data.username === ann.username,
      )
      checkEvent(event)
      checkEqual(event.data.name, name, 'the name')
    },
  },
]
