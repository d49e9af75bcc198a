import { expect } from 'chai'
import { eventually } from '../../support/eventually.ts'
import { useDatabase } from '../../support/database.ts'
import { insertUsers } from '../../support/people.ts'
import { startStreamLayer, type StreamLayer } from '../../support/streams/stream-layer.ts'
import type { StreamEvent, TestStream } from '../../support/streams/sse.ts'

/** More events than the ring keeps. */
const MANY = 5_000

for (const source of ['recent events', 'events that are read from the log'] as const) {
  describe(`a replay of ${source}`, () => {
    const database = useDatabase()
    let layer: StreamLayer
    let cursor: string

    before(async () => {
      layer = await startStreamLayer(database.url)
      await insertUsers(layer.db, ['ann', 'bob', 'cleo'])
    })
    after(() => layer.close())
    afterEach(() => layer.disconnect())

    beforeEach(async () => {
      await layer.relayAll()
      cursor = String(layer.hub.position())
    })

    async function insert(text: string, ...values: unknown[]): Promise<string> {
      const [row] = await database.query<{ id: string }>(`${text} returning id`, values)
      return row!.id
    }
    const post = (body: string, author = 1): Promise<string> =>
      insert('insert into posts (author_id, body) values ($1, $2)', author, body)
    const comment = (to: string, body: string, author = 2): Promise<string> =>
      insert('insert into comments (post_id, author_id, body) values ($1, $2, $3)', to, author, body)

    /** Replays the public feed from the cursor; returns the events, and everything that was sent as text. */
    async function replay(): Promise<{ events: StreamEvent[]; sent: string }> {
      if (source !== 'recent events') {
        await database.query(
          `insert into log (seq, event, topics, payload)
           select nextval('log_seq'), 'like', '{feed:999}', '{}' from generate_series(1, $1::int)`,
          [MANY],
        )
      }
      const last = await post('the last')
      await layer.relayAll()
      const isRecent = layer.hub.recentFloor() <= Number(cursor)
      expect(isRecent).to.equal(source === 'recent events')
      const stream: TestStream = await layer.open(`/public/stream?after=${cursor}`)
      await stream.next(({ data }) => data?.post?.id === last)
      stream.close()
      const events = stream.events.slice(0, -1)
      return { events, sent: JSON.stringify(events) }
    }
    const actions = (events: StreamEvent[]): string[] =>
      events.map(({ event, data }) => `${event} ${data.action ?? ''}`.trim())

    it('does not show a post that was deleted later', async () => {
      const id = await post('a secret')
      await comment(id, 'a comment')
      await database.query('insert into post_likes (post_id, user_id) values ($1, 3)', [id])
      const seqs = await database.query<{ seq: string; entries: unknown }>(
        `select seq, payload -> 'entries' as entries from log where seq > $1 order by seq`,
        [cursor],
      )
      await layer.relayAll()
      await database.query('delete from posts where id = $1', [id])
      const { events, sent } = await replay()
      expect(sent).not.to.contain('a secret').and.not.to.contain('a comment')
      expect(actions(events).slice(0, 3)).to.deep.equal(['post deleted', 'post deleted', 'post deleted'])
      expect(events[0]!.data.post).to.deep.equal({ id })
      for (const [n, { seq, entries }] of seqs.entries()) {
        expect(events[n]!.id).to.equal(seq)
        expect(events[n]!.data.entries).to.deep.equal(entries)
      }
    })

    it('shows the latest text of posts and comments that were edited later', async () => {
      const id = await post('before')
      const reply = await comment(id, 'reply before')
      await layer.relayAll()
      await database.query("update posts set body = 'after' where id = $1", [id])
      await database.query("update comments set body = 'reply after' where id = $1", [reply])
      const { events, sent } = await replay()
      expect(sent).not.to.contain('before')
      expect(actions(events)).to.deep.equal([
        'post created',
        'comment created',
        'post edited',
        'comment edited',
      ])
      expect(events[0]!.data.post).to.include({ body: 'after' })
      expect(events[0]!.data.post.edited_at).to.be.a('string')
      expect(events[1]!.data.comment).to.include({ body: 'reply after' })
    })

    it('does not show a comment that was deleted later, on any event', async () => {
      const id = await post('hello')
      const deleted = await comment(id, 'a secret')
      const kept = await comment(id, 'kept')
      await database.query('insert into comment_likes (comment_id, user_id) values ($1, 3)', [deleted])
      await layer.relayAll()
      await database.query('delete from comments where id = $1', [deleted])
      const { events, sent } = await replay()
      expect(sent).not.to.contain('a secret')
      expect(actions(events)).to.deep.equal([
        'post created',
        'comment deleted',
        'comment created',
        'like added',
        'comment deleted',
      ])
      expect(events[1]!.data.comment).to.deep.equal({ id: deleted })
      expect(events[2]!.data.post.comments.map((one: { id: string }) => one.id)).to.deep.equal([kept])
      expect(events[3]!.data).to.include({ comment_id: deleted }).and.not.to.have.property('comment')
    })

    for (const [state, statement] of [
      ['a deleted account', 'delete from users where id = $1'],
      ['an account that is being deleted', 'update users set deleted_at = now() where id = $1'],
    ] as const)
      it(`does not show the posts, comments, likes and names of ${state}`, async () => {
        const [dan] = await insertUsers(layer.db, [state.startsWith('a deleted') ? 'dan' : 'danny'])
        const id = await post('by ann')
        await post('by dan', Number(dan!.id))
        await comment(id, 'comment by dan', Number(dan!.id))
        await database.query('insert into post_likes (post_id, user_id) values ($1, $2)', [id, dan!.id])
        await database.query("update users set name = 'Dan the man' where id = $1", [dan!.id])
        await layer.relayAll()
        await database.query(statement, [dan!.id])
        const { sent } = await replay()
        expect(sent).to.contain('by ann')
        expect(sent.toLowerCase()).not.to.contain('dan')
      })

    it('does not show a post that was deleted while it was being read', async () => {
      const id = await post('a secret')
      await layer.relayAll()
      // This edit marks the ring's copy as outdated, so that both sources read the log.
      await database.query("update posts set body = 'still a secret' where id = $1", [id])
      const released = Promise.withResolvers<void>()
      const started = Promise.withResolvers<void>()
      layer.hooks.afterReadFrames = () => {
        started.resolve()
        return released.promise
      }
      const replayed = replay()
      await started.promise
      await database.query('delete from posts where id = $1', [id])
      await layer.relayAll()
      layer.hooks.afterReadFrames = async () => {}
      released.resolve()
      const { sent } = await replayed
      expect(sent).not.to.contain('secret')
      await eventually(() => layer.hub.size() === 0)
    })
  })
}
