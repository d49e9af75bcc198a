import { expect } from 'chai'
import { client } from '../support/http.ts'
import { eventually } from '../support/eventually.ts'
import { useSite } from '../support/site.ts'

const html = { accept: 'text/html' } as const

describe('the public page of anonymous visitors', () => {
  const { database, people, guest, instances } = useSite({ people: ['ann'], instances: 2 })
  before(() => people.ann.post('/posts', { body: 'the first post' }))

  const anonymous = (n = 0) => client(instances[n]!.origin)
  const paths = ['/', '/public']

  /** The start of the newest statement of the instances' pools. */
  async function newestStatement(): Promise<string> {
    const [row] = await database.query<{ newest: string }>(
      `select max(query_start)::text as newest from pg_stat_activity where application_name like 'koafeed:pool:%'`,
    )
    return row!.newest
  }

  it('needs no SQL statement while nothing changes', async () => {
    const statements = await eventually(
      async () => {
        const before = await newestStatement()
        for (let n = 0; n < 20; n++) {
          for (const path of paths) {
            expect((await anonymous().get(path, html)).text).to.contain('the first post')
            expect((await anonymous().get(path)).json.posts).to.have.length(1)
          }
        }
        return (await newestStatement()) === before
      },
      // Upkeep uses the pool as well, but rarely.
      (isSame) => isSame,
    )
    expect(statements).to.equal(true)
  })

  it('is the same for all, and has no token and no cookie', async () => {
    for (const path of paths) {
      const withToken = anonymous()
      const token = await withToken.csrf()
      const pages = [await withToken.get(path, html), await anonymous().get(path, html)]
      expect(pages[0]!.text).to.equal(pages[1]!.text).and.not.contain(token)
      for (const { text, headers } of pages) {
        expect(text).not.to.contain('csrf')
        expect(headers.getSetCookie()).to.deep.equal([])
        expect(headers.get('vary')).to.match(/\baccept\b/i)
      }
    }
  })

  it('differs between / and /public', async () => {
    expect((await guest.get('/', html)).text).to.contain('href="/register">Register</a> <a')
    expect((await guest.get('/public', html)).text).to.contain('<h1 class="list-title">Public</h1>')
  })

  it('has a token as JSON, and in every form', async () => {
    const visitor = anonymous()
    const { json, headers } = await visitor.get('/public')
    expect(json.csrf).to.be.a('string').and.not.equal('')
    expect(headers.getSetCookie()).not.to.deep.equal([])
    expect((await visitor.get('/login', html)).text).to.match(/name="csrf_token" value="[\w-]{20,}"/)
  })

  it('shows a message once, and to its visitor only', async () => {
    const visitor = anonymous()
    await visitor.post('/register', { username: 'bob', password: 'correct horse battery' }, { type: 'form' })
    const message = 'You have been registered, please login'
    expect((await anonymous().get('/', html)).text).not.to.contain(message)
    expect((await visitor.get('/', html)).text).to.contain(message)
    for (const one of [visitor, anonymous()]) expect((await one.get('/', html)).text).not.to.contain(message)
  })

  it('is not what signed-in people see', async () => {
    await anonymous().get('/public', html)
    for (const path of paths) expect((await people.ann.get(path, html)).text).to.contain('action="/logout"')
    expect((await anonymous().get('/public', html)).text).not.to.contain('action="/logout"')
  })

  it('shows a write of the same instance at once, and of another one as soon as its event arrives', async () => {
    for (const n of [0, 1]) await anonymous(n).get('/', html)
    await people.ann.post('/posts', { body: 'the second post' })
    expect((await anonymous().get('/', html)).text).to.contain('the second post')
    expect((await anonymous().get('/')).json.posts[0].body).to.equal('the second post')
    await eventually(async () => (await anonymous(1).get('/', html)).text.includes('the second post'))
  })

  it('answers HEAD like GET, and other queries and methods as before', async () => {
    const { headers } = await guest.get('/public', html)
    const head = await fetch(`${guest.origin}/public`, { method: 'HEAD' })
    expect(head.headers.get('content-length')).to.equal(headers.get('content-length'))
    expect((await guest.get('/public?before=x', html)).status).to.equal(400)
    expect((await guest.get('/public?x=1', html)).status).to.equal(200)
    expect((await fetch(`${guest.origin}/public`, { method: 'PUT' })).status).to.equal(405)
  })
})
