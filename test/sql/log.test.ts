import { expect } from 'chai'
import fc from 'fast-check'
import pg from 'pg'
import { LogRow, parseNotification, PayloadSchemas } from '../../src/stream/log/events.ts'
import type { EntryView, PostView } from '../../src/shared/views.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

/** Statements that change existing posts and comments. */
const statements = {
  post: (user: number) => `insert into posts (author_id, body) values (${user}, 'hello')`,
  'post to group': (user: number, n: number) =>
    `insert into posts (author_id, group_id, body) values (${user}, ${(n % 2) + 1}, 'hello')`,
  'edit post': (_: number, n: number) => `update posts set body = body || '!' where id = ${pick('posts', n)}`,
  'delete post': (_: number, n: number) => `delete from posts where id = ${pick('posts', n)}`,
  comment: (user: number, n: number) =>
    `insert into comments (post_id, author_id, body) select id, ${user}, 'hi' from posts where id = ${pick('posts', n)}`,
  'edit comment': (_: number, n: number) =>
    `update comments set body = body || '!' where id = ${pick('comments', n)}`,
  'delete comment': (_: number, n: number) => `delete from comments where id = ${pick('comments', n)}`,
  like: (user: number, n: number) =>
    `insert into post_likes (post_id, user_id) select id, ${user} from posts where id = ${pick('posts', n)} on conflict do nothing`,
  unlike: (user: number, n: number) =>
    `delete from post_likes where user_id = ${user} and post_id = ${pick('posts', n)}`,
  'like comment': (user: number, n: number) =>
    `insert into comment_likes (comment_id, user_id) select id, ${user} from comments where id = ${pick('comments', n)} on conflict do nothing`,
  'unlike comment': (user: number) => `delete from comment_likes where user_id = ${user}`,
  'drop entry': (user: number) =>
    `delete from entries where reason = 'liked' and feed_id = (select feed_id from users where id = ${user})`,
}

function pick(table: string, n: number): string {
  return `(select id from ${table} order by id offset ${n} % greatest((select count(*) from ${table}), 1) limit 1)`
}

const statement = fc
  .tuple(
    fc.constantFrom(
      ...(Object.keys(statements) as (keyof typeof statements)[]),
      'comment' as const,
      'like' as const,
    ),
    fc.integer({ min: 1, max: 4 }),
    fc.nat({ max: 30 }),
  )
  .map(([name, user, n]) => statements[name](user, n))

describe('the log', () => {
  const database = useDatabase()
  let client: pg.Client

  before(async () => {
    client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query(`
      insert into users (username, password_hash) values ('ann', 'x'), ('bob', 'x'), ('cleo', 'x'), ('dan', 'x');
      insert into groups (name, title, visibility) values ('open', 'Open', 'public'), ('closed', 'Closed', 'private');`)
  })
  after(() => client.end())

  /** Returns the feeds of each post. */
  async function feedsOfPosts(): Promise<Map<string, Set<string>>> {
    const { rows } = await client.query(
      'select post_id, array_agg(feed_id::text) as feeds from entries group by post_id',
    )
    return new Map(rows.map((row) => [row.post_id, new Set<string>(row.feeds)]))
  }
  async function newestSeq(): Promise<string> {
    return (await client.query('select coalesce(max(seq), 0) as seq from log')).rows[0].seq
  }
  async function logAfter(seq: string): Promise<LogRow[]> {
    const { rows } = await client.query(
      'select seq, event, topics, payload from log where seq > $1 order by seq',
      [seq],
    )
    return rows.map((row) => LogRow.parse(row))
  }

  it('sends each change to the feeds that contained the post before or after it, with the new state', async () => {
    const written: string[] = []
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(statement, { minLength: 1, maxLength: 3 }), { minLength: 20, maxLength: 40 }),
        async (transactions) => {
          for (const transaction of transactions) {
            const before = await feedsOfPosts()
            const start = await newestSeq()
            await client.query(['begin', ...transaction, 'commit'].join(';'))
            const after = await feedsOfPosts()
            for (const row of await logAfter(start)) {
              const payload = PayloadSchemas[row.event as 'post'].parse(row.payload)
              written.push(`${row.event} ${payload.action}`)
              const { id } = payload.post
              const feeds = [...(before.get(id) ?? []), ...(after.get(id) ?? [])]
              expect(row.topics).to.include(`post:${id}`)
              // With several statements an entry may appear and disappear, so the topics of one event are not known
              // here.
              if (transaction.length === 1) {
                expect(row.topics).to.have.members([
                  `post:${id}`,
                  ...new Set(feeds.map((feed) => `feed:${feed}`)),
                ])
              }
              await expectCurrent(payload.post, after.get(id))
              expectEntries(payload.entries as EntryView[], payload.post)
            }
          }
          const { rows } = await client.query('select 1 from outbox')
          expect(rows, 'rows left behind').to.be.empty
        },
      ),
      { numRuns: 8 },
    )
    expect(new Set(written)).to.have.all.keys(
      ...['created', 'edited', 'deleted', 'withdrawn'].map((action) => `post ${action}`),
      ...['created', 'edited', 'deleted'].map((action) => `comment ${action}`),
      ...['added', 'removed'].map((action) => `like ${action}`),
    )
  })

  /** Expects the post as a page shows it. */
  async function expectCurrent(post: { id: string }, feeds: Set<string> | undefined): Promise<void> {
    const { rows } = await client.query('select post_card(p) as card from posts p where id = $1', [post.id])
    if (rows.length === 0) return // a later event of the transaction reports the deletion
    expect(post).to.deep.equal(rows[0].card)
    expect((post as PostView).entries.map((entry) => entry.feed)).to.have.members([...(feeds ?? [])])
  }

  function expectEntries(changed: EntryView[], post: Partial<PostView>): void {
    const shown = post.entries ?? []
    for (const entry of changed) {
      if ('removed' in entry) expect(shown.map(({ feed }) => feed)).not.to.include(entry.feed)
      else expect(shown).to.deep.include(entry)
    }
  }

  it('keeps counts and entries consistent with likes and comments', async () => {
    const { rows } = await client.query(`
      select p.id
      from posts p
      where p.like_count <> (select count(*) from post_likes l where l.post_id = p.id)
         or p.comment_count <> (select count(*) from comments c where c.post_id = p.id)
      union all
      select c.post_id from comments c
      where c.like_count <> (select count(*) from comment_likes l where l.comment_id = c.id)`)
    expect(rows).to.deep.equal([])
    // Entries that are not `posted` must match the remaining comments and likes.
    const wrong = await client.query(`
      select e.*
      from entries e
      join users u on u.feed_id = e.feed_id
      left join lateral (
        select max(created_at) as at from comments c where c.post_id = e.post_id and c.author_id = u.id
      ) c on true
      left join post_likes l on l.post_id = e.post_id and l.user_id = u.id
      where e.reason <> 'posted'
        and (e.reason, e.at) is distinct from
          (case when c.at is null then 'liked' else 'commented' end, coalesce(c.at, l.created_at))`)
    expect(wrong.rows).to.deep.equal([])
    expect((await client.query("select 1 from entries where reason <> 'posted'")).rows).not.to.be.empty
  })

  it('notifies rows up to 7,900 bytes, and only the number of longer ones', async () => {
    const payloads: string[] = []
    client.on('notification', ({ payload }) => payloads.push(payload!))
    await client.query('listen koafeed')
    const start = await newestSeq()
    for (let length = 1_200; length <= 1_900; length += 50) {
      await client.query('insert into posts (author_id, body) values (1, $1)', ['😀'.repeat(length)])
    }
    await client.query('select 1')
    const rows = await logAfter(start)
    const notified = payloads.map((text) => ({ text, ...parseNotification(text) }))
    expect(notified.map(({ seq }) => seq)).to.deep.equal(rows.map(({ seq }) => seq))
    for (const [i, { text, ...notification }] of notified.entries()) {
      if (!('payload' in notification)) continue
      expect(Buffer.byteLength(text)).to.be.at.most(7_900)
      const { at, ...row } = notification
      expect(row).to.deep.equal(rows[i])
      expect(at).to.be.closeTo(Date.now(), 60_000)
    }
    expect(
      notified.some((notification) => 'payload' in notification),
      'whole rows',
    ).to.equal(true)
    expect(
      notified.some((notification) => !('payload' in notification)),
      'numbers only',
    ).to.equal(true)
  })

  it('sends a new name to all, and writes no event for a change that posts do not show', async () => {
    const start = await newestSeq()
    await client.query(
      "update users set name = 'Annie' where id = 1; update users set bio = 'Hello' where id = 1",
    )
    expect((await logAfter(start)).map((row) => row.topics)).to.deep.equal([['all']])
  })

  it('sends subscriptions and ended sessions to the topic of their user', async () => {
    const start = await newestSeq()
    await client.query(`
      insert into subscriptions (user_id, feed_id) select 1, feed_id from users where id = 2;
      delete from subscriptions where user_id = 1 and feed_id = (select feed_id from users where id = 2);
      insert into sessions (id_hash, user_id, expires_at) values ('\\xab', 1, now());
      delete from sessions;`)
    const rows = await logAfter(start)
    expect(rows.map((row) => [row.event, row.topics, row.payload.action])).to.deep.equal([
      ['subscription', ['user:1'], 'made'],
      ['subscription', ['user:1'], 'ended'],
      ['session', ['user:1'], 'ended'],
    ])
  })

  describe('while a user writes, and an account is renamed or deleted', () => {
    let renamer: pg.Client, writer: pg.Client

    beforeEach(async () => {
      ;[renamer, writer] = [0, 1].map(() => new pg.Client({ connectionString: database.url })) as [
        pg.Client,
        pg.Client,
      ]
      await Promise.all([renamer.connect(), writer.connect()])
    })
    afterEach(() => Promise.all([renamer.end(), writer.end()]))

    const untilOneIsBlocked = () => eventually(() => database.countLockWaits())

    it('shows the new name in an event after the rename', async () => {
      await renamer.query("begin; update users set name = 'Bobby' where id = 2")
      const writing = writer.query("insert into posts (author_id, body) values (2, 'who am I?')")
      await untilOneIsBlocked()
      await renamer.query('commit')
      await writing
      const [last] = (await client.query('select payload from log order by seq desc limit 1')).rows
      expect(last.payload.post.author.name).to.equal('Bobby')
    })

    it('shows nothing of an account in an event after the deletion of the account', async () => {
      const { rows } = await client.query(`
        with guest as (insert into users (username, password_hash) values ('guest', 'x') returning id),
        post as (insert into posts (author_id, body) values (1, 'a guest was here') returning id)
        select guest.id as guest, post.id as post from guest, post`)
      const { guest, post } = rows[0]
      await client.query('insert into comments (post_id, author_id, body) values ($1, $2, $3)', [
        post,
        guest,
        'hi',
      ])
      const start = await newestSeq()
      // The event of the deletion has its number before the other one.
      await renamer.query(
        `begin; update users set deleted_at = now() where id = ${guest}; set constraints all immediate`,
      )
      const writing = writer.query('insert into post_likes (post_id, user_id) values ($1, 2)', [post])
      await untilOneIsBlocked()
      await renamer.query('commit')
      await writing
      const [deletion, like] = await logAfter(start)
      expect(deletion!.event).to.equal('account')
      expect((like!.payload.post as PostView).comments).to.deep.equal([])
    })

    it('does not let a rename that waits block the write that it waits for', async () => {
      const start = await newestSeq()
      await writer.query("begin; insert into posts (author_id, body) values (3, 'a first card')")
      const renaming = renamer.query("update users set username = 'daniel' where id = 4")
      await untilOneIsBlocked()
      await writer.query("insert into posts (author_id, body) values (4, 'still as dan'); commit")
      await renaming
      expect((await logAfter(start)).map(({ event }) => event)).to.deep.equal(['post', 'post', 'user'])
    })
  })
})
