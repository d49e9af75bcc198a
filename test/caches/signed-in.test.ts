import { expect } from 'chai'
import { createAppLab, type AppLab } from '../support/app-lab.ts'
import { useDatabase } from '../support/database.ts'
import { client, type Client } from '../support/http.ts'

const html = { accept: 'text/html' }

describe('the pages of a signed-in user', () => {
  const database = useDatabase()
  /** The instance of Ann, and another one, which never follows the log in time. */
  let here: AppLab
  let elsewhere: AppLab
  let ann: Client
  let bob: Client
  before(async () => {
    here = await createAppLab(database.url)
    elsewhere = await createAppLab(database.url)
    bob = await client(here.origin).register('bob')
    await bob.post('/posts', { body: 'a post by bob' })
  })
  after(() => Promise.all([here.close(), elsewhere.close()]))

  let count = 0
  beforeEach(async () => {
    ann = await client(here.origin).register(`ann_${++count}`)
    await ann.csrf()
    await ann.get('/')
    await here.follow()
    await ann.get('/')
  })

  const statements = (path: string) => here.countStatements(() => ann.get(path, html))
  const following = async () =>
    (await ann.get('/')).json.following?.map(({ username }: { username: string }) => username)
  const isSignedIn = async (path: string) => (await ann.get(path)).status === 200

  it('need one statement for the home page, and none for the session', async () => {
    expect(await statements('/')).to.equal(1)
    expect(await statements('/settings/password')).to.equal(0)
    here.isFresh = false
    expect(await statements('/'), 'if the instance has not read the log lately').to.be.greaterThan(2)
    here.isFresh = true
    expect(await statements('/')).to.equal(1)
  })

  it('show at once whom the user has followed and unfollowed on another instance', async () => {
    for (const [change, expected] of [
      ['follow', ['bob']],
      ['unfollow', []],
    ] as const) {
      expect((await ann.at(elsewhere.origin).post(`/users/bob/${change}`)).status).to.equal(200)
      expect(await following()).to.deep.equal(expected)
      expect((await ann.get('/')).json.posts).to.have.length(expected.length)
      expect(await statements('/')).to.equal(1)
    }
  })

  it('show at once what another instance has renamed', async () => {
    await ann.post('/users/bob/follow')
    expect((await ann.get('/')).json.following[0].name).to.equal('bob')
    await bob.at(elsewhere.origin).post('/settings/profile', { name: 'Robert' })
    expect((await ann.get('/')).json.following[0].name).to.equal('Robert')
    await bob.at(elsewhere.origin).post('/settings/profile', { name: 'bob' })
    await ann.at(elsewhere.origin).post('/settings/profile', { name: 'Ann Lee' })
    expect((await ann.get('/', html)).text).to.contain('Ann Lee')
    expect((await ann.get('/settings/password', html)).text).to.contain('Ann Lee')
  })

  it('show a new name on the instance that has stored it, before the event arrives', async () => {
    await ann.post('/settings/profile', { name: 'Ann Lee' })
    expect((await ann.get('/settings/password', html)).text).to.contain('Ann Lee')
  })

  it('are refused once the instance has the event that ends the session', async () => {
    await ann.at(elsewhere.origin).post('/logout')
    expect((await ann.get('/')).json.stream, 'the home page waits for the event').to.equal('/public/stream')
    expect(await isSignedIn('/settings/password')).to.equal(false)
  })

  for (const [what, statement] of [
    ['deleted', 'delete from sessions'],
    ['given an earlier expiry', `update sessions set expires_at = now() - interval '1 second'`],
  ]) {
    it(`are refused once psql has ${what} the session`, async () => {
      await database.query(
        `${statement} where user_id = (select id from users where username = 'ann_${count}')`,
      )
      expect(await isSignedIn('/settings/password'), 'no event has arrived').to.equal(true)
      await here.follow()
      expect(await isSignedIn('/settings/password')).to.equal(false)
      expect((await bob.get('/settings/password')).status).to.equal(200)
    })
  }

  it('are refused at once by an instance that has not read the log lately', async () => {
    await ann.at(elsewhere.origin).post('/logout')
    here.isFresh = false
    expect(await isSignedIn('/settings/password')).to.equal(false)
    here.isFresh = true
  })

  it('do not return to a session that was read before its end', async () => {
    const person = await client(here.origin).register(`late_${count}`)
    const first = person.get('/settings/password')
    await person.at(elsewhere.origin).post('/logout')
    await here.follow()
    await first
    expect((await person.get('/settings/password')).status).to.equal(401)
  })

  it('offer what only owners may do as soon as the instance knows the new owner', async () => {
    await bob.post('/groups', { name: `club_${count}`, title: 'The club' })
    const { id } = (await bob.post('/posts', { body: 'in the club', group: `club_${count}` })).json.post
    await ann.post(`/groups/club_${count}/join`)
    await here.follow()
    const canDelete = async () => (await ann.get('/', html)).text.includes(`/posts/${id}/delete`)
    expect(await canDelete()).to.equal(false)
    await bob.at(elsewhere.origin).post(`/groups/club_${count}/members/ann_${count}/owner`)
    expect(await canDelete()).to.equal(true)
  })

  it('accept the token that the previous release has stored for a session', async () => {
    const stored = 'YZt0cWAZ1LcV958axyQXUITPeLOTqwPU'
    await database.query(
      `update sessions set data = '{"csrf": "${stored}"}'
       where user_id = (select id from users where username = 'ann_${count}')`,
    )
    const elsewhereAnn = ann.at(elsewhere.origin)
    const like = (csrf: string) => elsewhereAnn.post('/posts/1/like', {}, { csrf })
    expect((await like(stored)).status).to.equal(200)
    expect((await like((await elsewhereAnn.get('/')).json.csrf)).status).to.equal(200)
    expect((await like(await bob.csrf())).status).to.equal(403)
  })

  it('have the same token on every instance', async () => {
    const token = await ann.csrf()
    const { status } = await ann.at(elsewhere.origin).post('/posts/1/like', {}, { csrf: token })
    expect(status).to.equal(200)
    const other = (await ann.at(elsewhere.origin).get('/')).json.csrf
    expect((await ann.post('/posts/1/like', {}, { csrf: other })).status).to.equal(200)
    expect((await bob.post('/posts/1/like', {}, { csrf: token })).status).to.equal(403)
  })

  it('show a message once, on any instance, and not after a sign-out', async () => {
    const shows = async (reader: Client) => (await reader.get('/', html)).text.includes('Followed bob')
    await ann.post('/users/bob/follow', {}, { type: 'form' })
    expect(await shows(ann.at(elsewhere.origin))).to.equal(true)
    expect(await shows(ann)).to.equal(false)
    await ann.post('/users/bob/unfollow')
    await ann.post('/users/bob/follow', {}, { type: 'form' })
    await ann.post('/logout')
    expect(await shows(ann)).to.equal(false)
  })
})
