import { expect } from 'chai'
import { useSite } from '../support/site.ts'

describe('reporting', () => {
  const {
    database,
    people: { ann, ben, cleo },
    guest,
  } = useSite({ people: ['ann', 'ben', 'cleo'] })
  let post: string
  let comment: string
  let secret: string
  before(async () => {
    post = (await ann.post('/posts', { body: 'a rude post' })).json.post.id
    comment = (await ann.post(`/posts/${post}/comments`, { body: 'a rude comment' })).json.comment.id
    await ann.post('/groups', { name: 'hidden', title: 'Hidden', visibility: 'private' })
    await ben.post('/groups/hidden/join')
    await ann.post('/groups/hidden/requests/ben/accept')
    secret = (await ann.post('/posts', { body: 'a private post', group: 'hidden' })).json.post.id
  })
  beforeEach(() => database.query('truncate reports'))
  const reports = () =>
    database.query('select kind, subject_id, is_private, body, reason from reports order by id')

  it('copies the text of a post, of a comment and of a bio', async () => {
    await ann.post('/settings/profile', { bio: 'a rude bio' })
    for (const path of [`/posts/${post}`, `/comments/${comment}`, '/users/ann']) {
      const sent = await ben.post(`${path}/report`, { reason: 'this is rude' })
      expect(sent.status, path).to.equal(201)
      expect(sent.json.report.id).to.be.a('string')
    }
    const [row] = await database.query<{ id: string }>(`select id from users where username = 'ann'`)
    const common = { is_private: false, reason: 'this is rude' }
    expect(await reports()).to.deep.equal([
      { kind: 'post', subject_id: post, body: 'a rude post', ...common },
      { kind: 'comment', subject_id: comment, body: 'a rude comment', ...common },
      { kind: 'account', subject_id: row!.id, body: 'a rude bio', ...common },
    ])
  })

  it('counts one open report of a person and a thing, and another after the decision', async () => {
    const send = async (person: typeof ben) =>
      (await person.post(`/posts/${post}/report`, { reason: 'again' })).status
    expect([await send(ben), await send(ben), await send(cleo)]).to.deep.equal([201, 200, 201])
    expect(await reports()).to.have.lengthOf(2)
    await database.query(`update reports set closed_at = now(), outcome = 'dismissed'`)
    expect(await send(ben)).to.equal(201)
  })

  it('is for signed-in people who may see the thing, and not for one’s own', async () => {
    const send = async (person: typeof ben, path: string) =>
      (await person.post(`${path}/report`, { reason: 'this is rude' })).status
    expect(await send(guest, `/posts/${post}`)).to.equal(401)
    expect(await send(ann, `/posts/${post}`)).to.equal(403)
    expect(await send(ann, `/comments/${comment}`)).to.equal(403)
    expect(await send(ann, '/users/ann')).to.equal(403)
    expect(await send(cleo, `/posts/${secret}`)).to.equal(404)
    expect((await cleo.get(`/posts/${secret}/report`)).status).to.equal(404)
    expect(await send(ben, '/posts/999999')).to.equal(404)
    expect(await send(ben, '/users/nobody_here')).to.equal(404)
    expect(await reports()).to.deep.equal([])
    expect(await send(ben, `/posts/${secret}`)).to.equal(201)
    expect(await reports()).to.deep.equal([
      { kind: 'post', subject_id: secret, is_private: true, body: 'a private post', reason: 'this is rude' },
    ])
  })

  it('needs a reason of 1 to 1,000 characters, and keeps what was typed', async () => {
    expect((await ben.post(`/posts/${post}/report`, { reason: '😀'.repeat(1000) })).status).to.equal(201)
    for (const reason of ['', ' \n', 'x'.repeat(1001)]) {
      const refused = await cleo.post(`/posts/${post}/report`, { reason })
      expect(refused.json.error.fields).to.have.property('reason')
    }
    const page = await cleo.post(
      `/comments/${comment}/report`,
      { reason: 'y'.repeat(1001) },
      { type: 'form' },
    )
    expect(page.status).to.equal(422)
    expect(page.text).to.contain('at most 1,000 characters').and.contain('yyy').and.contain('a rude comment')
  })

  it('needs the token, and works without JavaScript', async () => {
    const forged = await ben.post(`/posts/${post}/report`, { reason: 'x' }, { csrf: null })
    expect(forged.status).to.equal(403)
    expect(await reports()).to.deep.equal([])
    const page = await ben.get(`/posts/${post}/report`, { accept: 'text/html' })
    expect(page.text).to.contain(`action="/posts/${post}/report"`).and.contain('a rude post')
    const sent = await ben.post(`/posts/${post}/report`, { reason: 'rude' }, { type: 'form' })
    expect(sent).to.include({ status: 303, location: `/posts/${post}` })
    expect((await ben.get('/', { accept: 'text/html' })).text).to.contain('An admin will look at it')
  })

  it('is offered on posts, comments and profiles, to others only', async () => {
    const page = async (person: typeof ben, path: string) =>
      (await person.get(path, { accept: 'text/html' })).text
    for (const path of [`/posts/${post}`, '/users/ann']) {
      expect(await page(ben, path), path).to.contain(`href="${path}/report"`)
      for (const other of [ann, guest])
        expect(await page(other, path)).not.to.contain(`href="${path}/report"`)
    }
    const link = `href="/comments/${comment}/report"`
    expect(await page(ben, `/posts/${post}`)).to.contain(link)
    expect(await page(ann, `/posts/${post}`)).not.to.contain(link)
  })
})

describe('the limit of reports', () => {
  const {
    people: { ann, ben },
  } = useSite({ people: ['ann', 'ben'], env: { LIMITS: 'reports=2' } })

  it('is per person and day', async () => {
    const ids: string[] = []
    for (const body of ['one', 'two', 'three']) ids.push((await ann.post('/posts', { body })).json.post.id)
    const send = async (id: string) => (await ben.post(`/posts/${id}/report`, { reason: 'rude' })).status
    expect(await Promise.all([send(ids[0]!), send(ids[1]!)])).to.deep.equal([201, 201])
    expect(await send(ids[2]!)).to.equal(429)
  })
})
