import { expect } from 'chai'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

interface CardPayload {
  action: string
  post: { id: string; body: string; like_count: number; comments: { body: string }[] }
  entries: unknown[]
}

describe('the outbox of a transaction', () => {
  const database = useDatabase()
  let writer: pg.Client, other: pg.Client
  let start: string

  before(async () => {
    ;[writer, other] = [0, 1].map(() => new pg.Client({ connectionString: database.url })) as [
      pg.Client,
      pg.Client,
    ]
    await Promise.all([writer.connect(), other.connect()])
    await writer.query(`
      insert into users (username, password_hash) values ('ann', 'x'), ('bob', 'x'), ('cleo', 'x');
      insert into posts (author_id, body) select 1, 'post' from generate_series(1, 4);
      insert into comments (post_id, author_id, body) select id, 1, 'before' from posts;`)
  })
  after(() => Promise.all([writer.end(), other.end()]))
  beforeEach(async () => {
    ;[{ start }] = (await database.query('select max(seq) as start from log')) as [{ start: string }]
  })
  afterEach(async () => expect(await database.query('select from outbox')).to.be.empty)

  const events = () =>
    database.query<{ event: string; payload: CardPayload; topics: string[] }>(
      'select event, topics, payload from log where seq > $1 order by seq',
      [start],
    )

  it('becomes complete payloads before the transaction takes the lock of the log', async () => {
    await other.query('begin; select pg_advisory_xact_lock(7230, 1)')
    const writing = writer.query(`
      begin; insert into post_likes (post_id, user_id) select id, 2 from posts order by id; commit`)
    await eventually(() => database.countLockWaits())
    // Without triggers, which would wait for the posts. A card that is built from now on would show this text.
    await other.query(
      `set local session_replication_role = replica; update comments set body = 'after'; commit`,
    )
    await writing
    const texts = (await events()).map(({ payload }) => payload.post.comments[0]?.body)
    expect(texts).to.deep.equal(['before', 'before', 'before', 'before'])
  })

  it('becomes one event per change, in order, each with the state at the commit', async () => {
    await writer.query(`
      begin;
      insert into post_likes (post_id, user_id) values (1, 1);
      insert into post_likes (post_id, user_id) values (1, 3);
      delete from post_likes where post_id = 1 and user_id = 1;
      insert into comments (post_id, author_id, body) values (1, 3, 'a comment');
      commit`)
    const written = await events()
    expect(written.map(({ event, payload }) => [event, payload.action])).to.deep.equal([
      ['like', 'added'],
      ['like', 'added'],
      ['like', 'removed'],
      ['comment', 'created'],
    ])
    const [{ card }] = (await database.query('select post_card(p) as card from posts p where id = 1')) as [
      { card: unknown },
    ]
    for (const { payload } of written) expect(payload.post).to.deep.equal(card)
  })

  it('has nothing of a savepoint that was rolled back', async () => {
    await writer.query(`
      begin;
      savepoint one; insert into post_likes (post_id, user_id) values (2, 1); rollback to one;
      savepoint two; insert into post_likes (post_id, user_id) values (3, 1); release two;
      savepoint three; insert into post_likes (post_id, user_id) values (4, 1); rollback to three;
      commit`)
    expect((await events()).map(({ payload }) => payload.post.id)).to.deep.equal(['3'])
  })

  it('is emptied early by SET CONSTRAINTS, and a savepoint that is rolled back restores it', async () => {
    await writer.query(`
      begin;
      insert into post_likes (post_id, user_id) values (2, 3);
      savepoint one; set constraints all immediate; rollback to one;
      insert into post_likes (post_id, user_id) values (3, 3);
      set constraints all immediate;
      insert into post_likes (post_id, user_id) values (4, 3);
      commit`)
    expect((await events()).map(({ payload }) => payload.post.id)).to.deep.equal(['2', '3', '4'])
  })

  it('notifies a feed that lost the post once, with the last event of the post', async () => {
    const [{ feed }] = (await database.query('select feed_id::text as feed from users where id = 2')) as [
      { feed: string },
    ]
    await writer.query(`
      begin;
      delete from post_likes where post_id = 2 and user_id = 2;
      update posts set body = 'edited' where id = 2;
      commit`)
    const [first, last] = await events()
    expect([first!.payload.action, last!.payload.action]).to.deep.equal(['removed', 'edited'])
    expect(first!.topics).not.to.include(`feed:${feed}`)
    expect(last!.topics).to.include(`feed:${feed}`)
    expect(last!.payload.entries).to.deep.equal([{ feed, removed: true }])
  })
})
