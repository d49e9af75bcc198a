import { expect } from 'chai'
import pg from 'pg'
import { createDb, type DatabasePool } from '../../src/db/pool.ts'
import { getProfileValues } from '../../src/users/profile.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { client, type TestResponse, type Client } from '../support/http.ts'
import { startInstance } from '../support/servers/instance.ts'

/** Each request waits for a deletion that is not committed yet, and continues after the commit. */
describe('a request that refers to rows that are being deleted', () => {
  const database = useDatabase()
  let ann: Client
  let origin: string
  let count = 0
  before(async () => {
    ;({ origin } = await startInstance({ databaseUrl: database.url }))
    ann = await client(origin).register('ann')
  })

  async function during(deletion: string, request: () => Promise<TestResponse>): Promise<TestResponse> {
    const psql = new pg.Client({ connectionString: database.url })
    await psql.connect()
    await psql.query(`begin; ${deletion}`)
    const answer = request()
    await eventually(
      () => database.countLockWaits(),
      (waiting) => waiting > 0,
    )
    await psql.query('commit')
    await psql.end()
    return answer
  }

  const deletionOf = (username: string) => `delete from users where username = '${username}'`

  /** Registers a user with a post and a comment on a post of ann. */
  async function createUser() {
    const name = `bob${++count}`
    const bob = await client(origin).register(name)
    const post = String((await bob.post('/posts', { body: 'by bob' })).json.post.id)
    const anns = String((await ann.post('/posts', { body: 'by ann' })).json.post.id)
    const comment = String((await bob.post(`/posts/${anns}/comments`, { body: 'by bob' })).json.comment.id)
    return { name, bob, post, comment }
  }

  async function newGroup(owner: Client, visibility = 'public'): Promise<string> {
    const name = `group${++count}`
    await owner.post('/groups', { name, title: name, visibility })
    return name
  }

  it('gets 404 for following and unfollowing the user', async () => {
    const { name } = await createUser()
    expect((await during(deletionOf(name), () => ann.post(`/users/${name}/follow`))).status).to.equal(404)
    const other = await createUser()
    await ann.post(`/users/${other.name}/follow`)
    const unfollowed = await during(deletionOf(other.name), () => ann.post(`/users/${other.name}/unfollow`))
    expect(unfollowed.status).to.equal(404)
    const stays = await createUser()
    await ann.post(`/users/${stays.name}/follow`)
    expect((await ann.post(`/users/${stays.name}/unfollow`)).status, 'a user who is not deleted').to.equal(
      200,
    )
  })

  it('gets 404 for the profile of the user', async () => {
    const { name } = await createUser()
    const deletion = `lock table subscriptions; ${deletionOf(name)}`
    expect((await during(deletion, () => ann.get(`/users/${name}`))).status).to.equal(404)
  })

  it('gets 404 when the account is marked as deleted, before its rows are deleted', async () => {
    const { name } = await createUser()
    await ann.post(`/users/${name}/follow`)
    const marking = (username: string) =>
      `lock table subscriptions; update users set deleted_at = now() where username = '${username}'`
    const unfollowed = await during(marking(name), () => ann.post(`/users/${name}/unfollow`))
    expect(unfollowed.status).to.equal(404)
    const other = await createUser()
    const followed = await during(marking(other.name), () => ann.post(`/users/${other.name}/follow`))
    expect(followed.status).to.equal(404)
    const third = await createUser()
    const profile = await during(marking(third.name), () => ann.get(`/users/${third.name}`))
    expect(profile.status).to.equal(404)
  })

  it('gets 404 for likes and comments, and for edits of comments on the post', async () => {
    const requests: ((post: string, comment: string) => Promise<TestResponse>)[] = [
      (post) => ann.post(`/posts/${post}/like`),
      (post) => ann.post(`/posts/${post}/comments`, { body: 'too late' }),
      (_post, comment) => ann.post(`/comments/${comment}/like`),
    ]
    for (const request of requests) {
      const { name, post, comment } = await createUser()
      const answer = await during(deletionOf(name), () => request(post, comment))
      expect(answer.status, String(request)).to.equal(404)
    }
    const { name, post, comment } = await createUser()
    await ann.post(`/posts/${post}/like`)
    await ann.post(`/comments/${comment}/like`)
    const own = (await ann.post(`/posts/${post}/comments`, { body: 'by ann' })).json.comment.id
    const answers = await during(deletionOf(name), () =>
      Promise.all([
        ann.post(`/posts/${post}/unlike`),
        ann.post(`/comments/${comment}/unlike`),
        ann.post(`/comments/${own}/edit`, { body: 'too late' }),
      ]).then(([first, ...rest]) => ({ ...first, json: [first, ...rest] })),
    )
    expect(answers.json.map(({ status }: TestResponse) => status)).to.deep.equal([404, 404, 404])
  })

  it('gets 404 for joining and leaving the group, and for posting to it', async () => {
    const { bob } = await createUser()
    const coming = await newGroup(ann)
    const joined = await during(`delete from groups where name = '${coming}'`, () =>
      bob.post(`/groups/${coming}/join`),
    )
    expect(joined.status).to.equal(404)
    const requests: ((group: string) => Promise<TestResponse>)[] = [
      (group) => bob.post(`/groups/${group}/leave`),
      (group) => bob.post('/posts', { body: 'too late', group }),
    ]
    for (const request of requests) {
      const group = await newGroup(ann)
      await bob.post(`/groups/${group}/join`)
      const answer = await during(`delete from groups where name = '${group}'`, () => request(group))
      expect(answer.status, String(request)).to.equal(404)
    }
  })

  it('gets 404 for an owner’s decision about the user', async () => {
    const closed = await newGroup(ann, 'private')
    const open = await newGroup(ann)
    const requests: ((name: string) => Promise<TestResponse>)[] = [
      (name) => ann.post(`/groups/${closed}/requests/${name}/accept`),
      (name) => ann.post(`/groups/${closed}/requests/${name}/refuse`),
      (name) => ann.post(`/groups/${open}/members/${name}/owner`),
    ]
    for (const request of requests) {
      const { name, bob } = await createUser()
      for (const group of [closed, open]) await bob.post(`/groups/${group}/join`)
      expect((await during(deletionOf(name), () => request(name))).status, String(request)).to.equal(404)
    }
  })

  it('gets 404 for the settings of a deleted account', async () => {
    const db: DatabasePool = await createDb(database.url, { applicationName: 'test' })
    const gone = { id: '999999', username: 'gone', name: 'Gone', avatar: null, feed: '1' }
    const me = { ...gone, owns: [], admin: false }
    const error: unknown = await getProfileValues(db, me).catch((thrown: unknown) => thrown)
    await db.end()
    expect(error).to.have.property('status', 404)
  })
})
