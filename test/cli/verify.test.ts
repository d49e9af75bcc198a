import { expect } from 'chai'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { ALL_CHECKS } from '../../src/cli/verify/verify.ts'
import { runCli } from '../support/cli.ts'
import { createDatabase } from '../support/database.ts'
import { useSite } from '../support/site.ts'
import { openStream } from '../support/streams/sse.ts'

describe('npm run admin -- verify', function () {
  this.timeout(60_000)
  const {
    database,
    people: { ann, ben, cleo },
    guest,
  } = useSite({ people: ['ann', 'ben', 'cleo', 'dora'] })
  let post: string
  let comment: string
  let secret: string
  before(async () => {
    await ben.post('/users/ann/follow')
    await ann.post('/groups', { name: 'hidden', title: 'Hidden', visibility: 'private' })
    await ben.post('/groups/hidden/join')
    await ann.post('/groups/hidden/requests/ben/accept')
    post = (await ann.post('/posts', { body: 'a post' })).json.post.id
    secret = (await ann.post('/posts', { body: 'a secret', group: 'hidden' })).json.post.id
    comment = (await ben.post(`/posts/${post}/comments`, { body: 'a comment' })).json.comment.id
    await ben.post(`/posts/${secret}/like`)
    await cleo.post(`/posts/${post}/like`)
    await cleo.post(`/comments/${comment}/like`)
    await cleo.post(`/posts/${post}/unlike`)
    await cleo.post(`/posts/${post}/like`)
    const short = (await cleo.post(`/posts/${post}/comments`, { body: 'short' })).json.comment.id
    await cleo.post(`/comments/${short}/delete`)
    const gone = (await ann.post('/posts', { body: 'gone soon' })).json.post.id
    await ann.post(`/posts/${gone}/delete`)
    await ann.post(`/posts/${post}/edit`, { body: 'an edited post' })
  })
  const verify = (...args: string[]) => runCli(['verify', ...args], { env: { DATABASE_URL: database.url } })

  /** Changes rows without triggers, as a bug or an import with triggers switched off would do. */
  async function damage(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      await client.query(`set session_replication_role = replica; ${statement}`)
    } finally {
      await client.end()
    }
  }

  it('finds nothing on a sound site, and lists what it checks with --help', async () => {
    const { code, stdout } = await verify()
    expect(stdout.trim().split('\n')).to.deep.equal(ALL_CHECKS.map(({ name }) => `${name}: ok`))
    expect(code).to.equal(0)
    const help = (await verify('--help')).stdout
    for (const { name, promise } of ALL_CHECKS) expect(help).to.contain(`${name}: ${promise}`)
  })

  it('finds nothing in the demo data, nor while an account is being deleted', async () => {
    const env = { PATH: process.env.PATH, DATABASE_URL: await createDatabase() }
    const seed = join(import.meta.dirname, '../../src/seed.ts')
    await promisify(execFile)(process.execPath, [seed, '--force'], { env })
    const client = new pg.Client({ connectionString: env.DATABASE_URL })
    await client.connect()
    const sound = async () => (await runCli(['verify'], { env: { DATABASE_URL: env.DATABASE_URL } })).stdout
    try {
      expect(await sound()).not.to.contain('wrong')
      await client.query(`update users set deleted_at = now() where username = 'ann'`)
      for (let isLeft = true; isLeft;) {
        expect(await sound()).not.to.contain('wrong')
        const { rows } = await client.query<{ left: boolean }>('select delete_account_chunk() as left')
        isLeft = rows[0]!.left
      }
      expect(await sound()).not.to.contain('wrong')
    } finally {
      await client.end()
    }
  })

  const damages: [check: string, what: string, statement: () => string][] = [
    ['post counters', 'a like too many', () => `update posts set like_count = 7 where id = ${post}`],
    ['comment counters', 'a lost like', () => `update comments set like_count = 0 where id = ${comment}`],
    [
      'follower counts',
      'a lost row',
      () => `delete from feed_counts where feed_id = (select feed_id from users where username = 'ann')`,
    ],
    [
      'own feeds',
      'a lost subscription',
      () => `delete from subscriptions s using users u
             where u.username = 'dora' and s.user_id = u.id and s.feed_id = u.feed_id`,
    ],
    ['names', 'a lost name', () => `delete from names where name = 'dora'`],
    ['pictures', 'a lost picture', () => `update users set avatar = 'gone' where username = 'dora'`],
    [
      'entries',
      'a post that is missing in the public feed',
      () => `delete from entries where post_id = ${post} and reason = 'posted'
             and feed_id = (select id from feeds where kind = 'public')`,
    ],
    [
      'entries',
      'a private post in the public feed',
      () => `insert into entries (feed_id, post_id, at, reason, actor_id)
             select f.id, p.id, now(), 'posted', p.author_id
             from feeds f, posts p where f.kind = 'public' and p.id = ${secret}`,
    ],
    [
      'entries',
      'a private post in the feed of a member who likes it',
      () => `insert into entries (feed_id, post_id, at, reason, actor_id)
             select u.feed_id, ${secret}, now(), 'liked', u.id from users u where u.username = 'ben'`,
    ],
    [
      'entries',
      'an entry for a like that is gone',
      () => `insert into entries (feed_id, post_id, at, reason, actor_id)
             select u.feed_id, ${post}, now(), 'liked', u.id from users u where u.username = 'dora'`,
    ],
    [
      'entries',
      'a comment that is missing in the feed of its author',
      () => `delete from entries where post_id = ${post} and reason = 'commented'`,
    ],
    [
      'entries',
      'a post that its newest comment has not moved',
      () => `update entries set at = now() - interval '1 day' where post_id = ${post} and reason = 'posted'`,
    ],
    ['log', 'a text without an event', () => `update posts set body = 'silent' where id = ${post}`],
    ['log numbers', 'a sequence that went back', () => `select setval('log_seq', 1)`],
    ['outbox', 'a row that was left', () => `insert into outbox (event, payload) values ('count', '{}')`],
  ]

  for (const [check, what, statement] of damages) {
    it(`finds and repairs ${what}`, async () => {
      await damage(statement())
      const found = await verify()
      expect(found.code, found.stdout).to.equal(1)
      const wrong = found.stdout.split('\n').filter((line) => /: \d+ wrong/.test(line))
      expect(wrong).to.include(`${check}: 1 wrong`)
      const repaired = await verify('--repair')
      expect(repaired.stdout).to.contain('All faults are repaired.')
      expect(repaired.code).to.equal(0)
      expect((await verify()).code).to.equal(0)
    })
  }

  it('shows the repaired state on open pages, and takes a lost post away from them', async () => {
    const stream = await openStream(`${guest.origin}/public/stream`)
    await stream.opened
    await damage(`update posts set like_count = 41 where id = ${post}`)
    await verify('--repair')
    const edited = await stream.next(({ event }) => event === 'post')
    expect(edited.data.post).to.include({ id: post, like_count: 1 })
    await damage(`delete from entries where post_id = ${post}; delete from comment_likes;
      delete from comments where post_id = ${post}; delete from post_likes where post_id = ${post};
      delete from posts where id = ${post}`)
    expect((await verify('--repair')).code).to.equal(0)
    const deleted = await stream.next(({ event, data }) => event === 'post' && data.action === 'deleted')
    expect(deleted.data.post).to.deep.equal({ id: post })
    stream.close()
  })
})
