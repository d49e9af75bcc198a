import { expect } from 'chai'
import pg from 'pg'
import { useSite } from '../support/site.ts'
import { eventually } from '../support/eventually.ts'
import { client, type TestResponse } from '../support/http.ts'

describe('while psql holds a row lock', () => {
  const {
    database,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let psql: pg.Client
  before(async () => {
    psql = new pg.Client({ connectionString: database.url })
    await psql.connect()
  })
  afterEach(() => psql.query('rollback'))
  after(() => psql.end())

  const statuses = (answers: TestResponse[]) => answers.map(({ status }) => status)
  const repeated = (status: number, count: number) => Array.from({ length: count }, () => status)
  const untilWaiting = () =>
    eventually(
      () => database.countLockWaits(),
      (waiting) => waiting > 0,
    )
  async function createPost(): Promise<string> {
    return String((await ann.post('/posts', { body: 'a post' })).json.post.id)
  }

  it('answers likes of that post with 503, and serves all pages and the likes of other posts', async () => {
    const [locked, comment] = [await createPost(), { id: '' }]
    comment.id = (await ann.post(`/posts/${locked}/comments`, { body: 'a comment' })).json.comment.id
    const others = await Promise.all(Array.from({ length: 5 }, createPost))
    await psql.query(`begin; select from posts where id = ${locked} for update`)
    // Fewer than an instance lets wait for a connection; it would refuse pages too.
    const likes = Array.from({ length: 70 }, async (_, n) => {
      const start = performance.now()
      const path = n % 3 ? `/posts/${locked}/like` : `/comments/${comment.id}/like`
      return { answer: await ann.post(path), took: performance.now() - start }
    })
    await untilWaiting()
    const paths = ['/', '/public', `/posts/${locked}`, `/posts/${others[0]}`, '/users/ann', '/groups']
    const pages = await Promise.all([...paths, ...paths, ...paths].map((path) => bob.get(path)))
    expect(statuses(pages)).to.deep.equal(repeated(200, pages.length))
    const liked = await Promise.all(others.map((id) => bob.post(`/posts/${id}/like`)))
    expect(statuses(liked), 'likes of other posts').to.deep.equal(repeated(200, others.length))
    expect(await database.countLockWaits(), 'the post is still locked').to.be.greaterThan(0)

    for (const { answer, took } of await Promise.all(likes)) {
      expect(answer.status).to.equal(503)
      expect(Number(answer.headers.get('retry-after'))).to.be.greaterThan(0)
      expect(took, 'responds within 5 s').to.be.below(5_000)
    }
    await psql.query('commit')
    expect((await ann.post(`/posts/${locked}/like`)).status, 'after the lock is released').to.equal(200)
    expect((await ann.post(`/comments/${comment.id}/like`)).status).to.equal(200)
  })

  it('does not delay requests of a session whose last use cannot be saved', async () => {
    // A new session, which the instance has not cached.
    const again = client(bob.origin)
    await again.login('bob')
    await database.query(`update sessions set last_seen_at = now() - interval '1 day'`)
    const isSaved = async () =>
      (
        await database.query<{ fresh: boolean }>(`
          select last_seen_at > now() - interval '1 hour' as fresh from sessions order by created_at desc limit 1`)
      )[0]?.fresh
    await psql.query('begin; select from sessions for update')
    expect(statuses(await Promise.all(repeated(0, 20).map(() => again.get('/'))))).to.deep.equal(
      repeated(200, 20),
    )
    expect(await database.countLockWaits(), 'nothing waits for the row').to.equal(0)
    await psql.query('commit')
    expect((await again.get('/')).status).to.equal(200)
    await eventually(isSaved)
  })

  it('shows the message of a session whose row is locked once', async () => {
    await bob.post('/users/ann/follow', {}, { type: 'form' })
    const hasMessage = async () => {
      const page = await bob.get('/', { accept: 'text/html' })
      expect(page.status).to.equal(200)
      return page.text.includes('Followed ann')
    }
    await psql.query('begin; select from sessions for update')
    expect(await hasMessage()).to.equal(true)
    expect(await hasMessage()).to.equal(false)
    await psql.query('commit')
  })
})
