import { expect } from 'chai'
import pg from 'pg'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, password, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'
import { openStream, type TestStream } from '../support/streams/sse.ts'

/** Each number is larger than one chunk (sql/70_deletion.sql). */
const FANS = 60
const POSTS = 30
const COMMENTS_PER_POST = 20
const MAX_EVENTS = 25

describe('a deleted account', () => {
  const database = useDatabase()
  let one: Instance
  let two: Instance
  let bob: Client
  let other: pg.Client
  before(async () => {
    ;[one, two] = await Promise.all([
      startInstance({ databaseUrl: database.url }),
      startInstance({ databaseUrl: database.url }),
    ])
    bob = await client(two.origin).register('bob')
    other = new pg.Client({ connectionString: database.url })
    await other.connect()
    await database.query(
      `insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(1, ${FANS}) n`,
    )
  })
  after(() => other.end())
  afterEach(() => other.query('rollback'))

  const rowsOf = (name: string) => database.query('select deleted_at from users where username = $1', [name])
  const untilDeleted = (name: string) =>
    eventually(
      () => rowsOf(name),
      (rows) => rows.length === 0,
      { timeout: 20_000, what: `the deletion of ${name}` },
    )
  const remove = (person: Client) => person.post('/settings/account', { password })

  /** Registers a user with posts, reactions of fans, and reactions to posts of bob. Disables triggers for speed. */
  async function registerWithContent(name: string): Promise<Client> {
    const person = await client(one.origin).register(name)
    await bob.post(`/users/${name}/follow`)
    await person.post('/users/bob/follow')
    await database.query(`
      insert into posts (author_id, body)
      select id, 'by ' || username || ' ' || n from users, generate_series(1, ${POSTS}) n
      where username in ('${name}', 'bob')`)
    await database.query(`
      set session_replication_role = replica;
      create temp table owned on commit drop as
        select p.id, p.author_id from posts p join users u on u.id = p.author_id where u.username = '${name}';
      create temp table fans on commit drop as select id from users where username like 'fan%';
      insert into post_likes select o.id, f.id, now() from owned o, fans f;
      insert into comments (post_id, author_id, body, created_at, like_count)
        select o.id, (select min(id) from fans), 'by a fan', now(), 10
        from owned o, generate_series(1, ${COMMENTS_PER_POST});
      insert into comment_likes
        select c.id, f.id, now() from comments c join owned o on o.id = c.post_id, (select id from fans limit 10) f;
      update posts set like_count = ${FANS}, comment_count = ${COMMENTS_PER_POST} where id in (select id from owned);
      set session_replication_role = origin;`)
    await database.query(`
      with me as (select id from users where username = '${name}'),
        theirs as (select p.id from posts p join users u on u.id = p.author_id where u.username = 'bob'),
        liked as (insert into post_likes (post_id, user_id) select t.id, me.id from theirs t, me)
      insert into comments (post_id, author_id, body) select t.id, me.id, 'comment by ${name}' from theirs t, me`)
    return person
  }

  describe('that psql has marked as deleted', () => {
    let ann: Client
    let annsPost: string
    let bobsPost: string
    let annsStream: TestStream
    before(async function () {
      this.timeout(60_000)
      ann = await registerWithContent('ann')
      // More than a page of posts that are newer than all other posts.
      for (let n = 0; n < 12; n++)
        annsPost = (await ann.post('/posts', { body: 'the newest by ann' })).json.post.id
      bobsPost = (await bob.get('/users/bob')).json.posts[0].id
      await bob.post(`/posts/${annsPost}/like`)
      annsStream = await openStream(`${two.origin}/stream`, { headers: { cookie: ann.cookie() } })
      await annsStream.opened
      for (const accept of ['text/html', 'application/json']) {
        for (const path of ['/', '/public', `/posts/${bobsPost}`])
          expect((await bob.get(path, { accept })).text, path).to.contain('by ann')
      }
      await database.query(`update users set deleted_at = now() where username = 'ann'`)
    })

    it('is signed out, loses its streams and cannot sign in', async () => {
      await annsStream.closed
      expect((await ann.get('/settings/profile')).status).to.equal(401)
      const answer = await client(one.origin).login('ann')
      expect(answer.status).to.equal(422)
      expect(answer.text).to.contain('User not found')
    })

    it('is not on any page, and neither is its content', async () => {
      for (const accept of ['text/html', 'application/json']) {
        for (const path of [
          '/users/ann',
          '/users/ann/followers',
          `/posts/${annsPost}`,
          `/posts/${annsPost}/likers`,
        ])
          expect((await bob.get(path, { accept })).status, path).to.equal(404)
        for (const path of [
          '/public',
          '/users/bob',
          '/users/bob/followers',
          '/users/bob/following',
          `/posts/${bobsPost}`,
          `/posts/${bobsPost}/likers`,
          `/posts/${bobsPost}/comments`,
        ]) {
          const { status, text } = await bob.get(path, { accept })
          expect([path, status]).to.deep.equal([path, 200])
          expect(text, path).to.not.match(/by ann|users\/ann\b/)
        }
        expect((await bob.get('/', { accept })).text).to.not.match(/by ann |the newest by ann|comment by ann/)
      }
    })

    it('leaves full pages of the posts of other users', async () => {
      for (const path of ['/', '/public']) {
        let before = ''
        let posts = 0
        for (let page = 0; page < POSTS / 10; page++) {
          const { json } = await bob.get(`${path}?before=${before}`)
          posts += json.posts.length
          before = json.before
        }
        expect([path, posts]).to.deep.equal([path, POSTS])
      }
    })

    it('gets no new followers, likes or comments', async () => {
      const [comment] = await database.query<{ id: string }>(
        `select max(c.id) as id from comments c join users u on u.id = c.author_id where u.username = 'ann'`,
      )
      for (const [path, body] of [
        ['/users/ann/follow', {}],
        [`/posts/${annsPost}/like`, {}],
        [`/posts/${annsPost}/comments`, { body: 'hello' }],
        [`/comments/${comment!.id}/like`, {}],
      ] as const) {
        expect([path, (await bob.post(path, body)).status]).to.deep.equal([path, 404])
      }
      expect((await bob.post(`/posts/${bobsPost}/like`)).status).to.equal(200)
    })

    const annsId = `(select id from users where username = 'ann')`
    const bobsId = `(select id from users where username = 'bob')`
    const post = (author: string) => `(select max(id) from posts where author_id = ${author})`
    for (const [row, statement] of Object.entries({
      'a post by it': `insert into posts (author_id, body) values (${annsId}, 'x')`,
      'a comment by it': `insert into comments (post_id, author_id, body) values (${post(bobsId)}, ${annsId}, 'x')`,
      'a comment on its post': `insert into comments (post_id, author_id, body) values (${post(annsId)}, ${bobsId}, 'x')`,
      'a like by it': `insert into post_likes (post_id, user_id) values (${post(bobsId)}, ${annsId})`,
      'a like on its post': `insert into post_likes (post_id, user_id) values (${post(annsId)}, ${bobsId})`,
      'a like on its comment': `insert into comment_likes (comment_id, user_id) select max(id), ${bobsId} from comments where author_id = ${annsId}`,
      'a follower': `insert into subscriptions (user_id, feed_id) select ${bobsId}, feed_id from users where username = 'ann'`,
      'a followed person': `insert into subscriptions (user_id, feed_id) select ${annsId}, feed_id from users where username = 'fan_1'`,
      'a session': `insert into sessions (id_hash, user_id, expires_at) values ('\\xab', ${annsId}, now())`,
    })) {
      it(`makes psql fail to insert ${row}`, async () => {
        const error = await database.query(statement).catch((thrown: unknown) => thrown)
        expect(error).to.include({ code: '23503', message: 'the account is deleted' })
      })
    }

    it('keeps its username until its last row is deleted', async () => {
      expect(
        (await client(one.origin).post('/register', { username: 'ann', password })).json.error.fields,
      ).to.deep.equal({ username: 'Username already exists' })
    })

    it('is removed by an instance, in its upkeep or after the next deletion', async () => {
      await remove(await client(two.origin).register('dan'))
      await untilDeleted('dan')
      await untilDeleted('ann')
      await client(one.origin).register('ann')
      expect((await bob.get('/users/ann')).json.user).to.include({ followers: 0, following: 0 })
    }).timeout(30_000)
  })

  describe('whose instance is killed between two chunks', () => {
    let cleo: Client
    let bobs: TestStream
    let start: string
    before(async function () {
      this.timeout(60_000)
      cleo = await registerWithContent('cleo')
      bobs = await openStream(`${two.origin}/stream`, { headers: { cookie: bob.cookie() } })
      const [newest] = await database.query<{ seq: string }>('select max(seq) as seq from log')
      start = newest!.seq
    })
    after(() => bobs.close())

    it('gets its response before its rows are deleted, and does not delay other users', async () => {
      await other.query(`
        begin;
        select from posts where author_id = (select id from users where username = 'cleo') for update`)
      expect((await remove(cleo)).status).to.equal(200)
      expect((await rowsOf('cleo'))[0]?.deleted_at).to.be.a('date')
      expect((await cleo.get('/settings/profile')).status).to.equal(401)
      await eventually(() => database.countLockWaits(), Boolean, { what: 'the chunk that waits for a post' })
      expect((await bob.post('/posts', { body: 'meanwhile' })).status).to.equal(201)
      await one.kill()
      expect(
        await database.query(
          `select from post_likes l join users u on u.id = l.user_id where u.username = 'cleo'`,
        ),
      ).to.be.empty
      expect(await database.query(`select from posts where body like 'by cleo%'`)).to.have.length(POSTS)
    })

    it('is removed by another instance', async () => {
      await other.query('rollback')
      await remove(await client(two.origin).register('eve'))
      await untilDeleted('cleo')
      expect(await database.query(`select from posts where body like 'by cleo%'`)).to.be.empty
    }).timeout(30_000)

    it('leaves correct counters and an empty outbox', async () => {
      expect(
        await database.query(`
          select p.id
          from posts p
          where p.like_count <> (select count(*) from post_likes l where l.post_id = p.id)
            or p.comment_count <> (select count(*) from comments c where c.post_id = p.id)`),
      ).to.be.empty
      expect(await database.query('select from outbox')).to.be.empty
    })

    it('is deleted in transactions with few events, with one event per post', async () => {
      const rows = await database.query<{ events: number; deleted: number }>(
        `select count(*)::int as events,
           count(*) filter (where event = 'post' and payload ->> 'action' = 'deleted')::int as deleted
         from log where seq > $1 group by xmin::text`,
        [start],
      )
      expect(Math.max(...rows.map(({ events }) => events))).to.be.within(2, MAX_EVENTS)
      expect(rows.reduce((sum, { deleted }) => sum + deleted, 0)).to.equal(POSTS)
    })

    it('sends its followers the deletion of each post, without a reset', async () => {
      for (let n = 0; n < POSTS; n++)
        await bobs.next(({ data }) => data?.action === 'deleted' && data.post?.id)
      await bob.post('/posts', { body: 'a mark' })
      await bobs.next(({ data }) => data?.post?.body === 'a mark')
      expect(bobs.events.filter(({ event }) => event === 'reset')).to.be.empty
      const rights = await database.query(`select from log where event = 'subscription' and seq > $1`, [
        start,
      ])
      expect(rights).to.be.empty
    })
  })

  it('takes with it a private group whose last two members are deleted together', async () => {
    await database.query(`
      with people as (
        insert into users (username, password_hash) values ('gil', 'x'), ('hal', 'x') returning id
      ),
      made as (
        insert into groups (name, title, visibility) values ('circle', 'Circle', 'private') returning id, feed_id
      )
      select from people, made`)
    await database.query(`
      insert into subscriptions (user_id, feed_id)
      select u.id, g.feed_id from users u, groups g where u.username in ('gil', 'hal') and g.name = 'circle'`)
    await database.query(`
      insert into posts (author_id, group_id, body) select u.id, g.id, 'x' from users u, groups g
      where u.username = 'bob' and g.name = 'circle'`)
    await database.query(`update users set deleted_at = now() where username in ('gil', 'hal')`)
    const isWorkLeft = async () =>
      (await database.query<{ left: boolean }>('select delete_account_chunk() as left'))[0]?.left
    while (await isWorkLeft());
    expect(await database.query(`select from users where username in ('gil', 'hal')`)).to.be.empty
    expect(await database.query(`select from groups where name = 'circle'`)).to.be.empty
  })

  describe('while requests of the user and to the user are running', () => {
    it('causes no internal server errors', async () => {
      one = await startInstance({ databaseUrl: database.url })
      const fay = await registerWithContent('fay')
      const elsewhere = client(two.origin)
      await elsewhere.login('fay')
      const postsOf = async (name: string) =>
        (
          await database.query<{ id: string }>(
            'select p.id from posts p join users u on u.id = p.author_id where u.username = $1 limit 5',
            [name],
          )
        ).map(({ id }) => id)
      const [theirs, own] = await Promise.all([postsOf('fay'), postsOf('bob')])
      const burst = () => [
        ...theirs.flatMap((id) => [
          bob.post(`/posts/${id}/like`),
          bob.post(`/posts/${id}/comments`, { body: 'late' }),
          bob.post(`/posts/${id}/unlike`),
        ]),
        ...own.flatMap((id) => [
          elsewhere.post(`/posts/${id}/like`),
          elsewhere.post(`/posts/${id}/unlike`),
          bob.post(`/posts/${id}/edit`, { body: 'edited' }),
        ]),
        elsewhere.post('/posts', { body: 'late' }),
        elsewhere.post('/settings/profile', { bio: 'late', name: 'Late' }),
        bob.post('/users/fay/unfollow'),
      ]
      const answers = [remove(fay)]
      do {
        answers.push(...burst())
        await Promise.all(answers)
      } while ((await rowsOf('fay')).length > 0)
      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      expect(statuses).to.include.members([200, 401, 404]).and.not.include(500)
      expect(await database.query(`select from posts where author_id not in (select id from users)`)).to.be
        .empty
    }).timeout(60_000)
  })
})
