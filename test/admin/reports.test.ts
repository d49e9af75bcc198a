import { expect } from 'chai'
import { eventually } from '../support/eventually.ts'
import { client, password, type Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'
import { openStream } from '../support/streams/sse.ts'

describe('the reports, for admins', () => {
  const {
    database,
    people: { boss, ann, ben, cleo },
    guest,
  } = useSite({ people: ['boss', 'ann', 'ben', 'cleo'], instances: 2 })
  before(async () => {
    await database.query(`update users set admin = true where username = 'boss'`)
    await ann.post('/groups', { name: 'hidden', title: 'Hidden', visibility: 'private' })
    await ben.post('/groups/hidden/join')
    await ann.post('/groups/hidden/requests/ben/accept')
  })
  beforeEach(async () => {
    await database.query('truncate reports, admin_log')
    await database.query(`update users set admin = (username = 'boss')`)
  })

  const writePost = async (body: string, group?: string): Promise<string> =>
    (await ann.post('/posts', { body, ...(group ? { group } : {}) })).json.post.id
  const writeComment = async (post: string, body: string): Promise<string> =>
    (await ann.post(`/posts/${post}/comments`, { body })).json.comment.id
  const report = async (path: string, by = ben): Promise<string> =>
    (await by.post(`${path}/report`, { reason: by === ben ? 'by ben' : 'by another' })).json.report.id
  const open = async (person: Client = boss) => (await person.get('/admin/reports')).json.reports
  const log = () => database.query('select action, detail from admin_log order by id')

  it('are listed with the reported text, newest first, in pages', async () => {
    const post = await writePost('a rude post')
    await database.query(
      `insert into reports (kind, subject_id, author_id, reason)
       select 'account', u.id, u.id, 'reason ' || n
       from users u, generate_series(1, 11) n where u.username = 'ann'`,
    )
    await report(`/posts/${post}`)
    const { json } = await boss.get('/admin/reports')
    expect(json.reports).to.have.lengthOf(10)
    expect(json.reports[0]).to.deep.include({
      kind: 'post',
      subject_id: post,
      post_id: post,
      body: 'a rude post',
      reason: 'by ben',
      private: false,
      outcome: null,
      others: 0,
    })
    const older = await boss.get(`/admin/reports?before=${encodeURIComponent(json.before)}`)
    expect(older.json.reports.map(({ reason }: { reason: string }) => reason)).to.deep.equal([
      'reason 2',
      'reason 1',
    ])
    const page = await boss.get('/admin/reports', { accept: 'text/html' })
    expect(page.text).to.contain('by ben').and.contain('10 more reports')
  })

  it('can be removed: the post goes from open pages on every instance, and all its reports are closed', async () => {
    const post = await writePost('a rude post')
    const ids = [await report(`/posts/${post}`), await report(`/posts/${post}`, cleo)]
    const stream = await openStream(`${cleo.origin}/public/stream`)
    await stream.opened
    const removed = await boss.post(`/admin/reports/${ids[0]}/remove`)
    expect(removed.status, removed.text).to.equal(200)
    expect(removed.json.report).to.include({ outcome: 'removed', post_id: null, body: 'a rude post' })
    const event = await stream.next(({ event: name, data }) => name === 'post' && data.action === 'deleted')
    expect(event.data.post).to.deep.equal({ id: post })
    stream.close()
    expect((await ann.get(`/posts/${post}`)).status).to.equal(404)
    expect(await open()).to.deep.equal([])
    expect((await boss.get('/admin/reports/closed')).json.reports).to.have.lengthOf(2)
    expect(await log()).to.deep.equal([{ action: 'post removed', detail: { kind: 'post', id: post } }])
  })

  it('can be removed: a comment goes, and its post and other comments stay', async () => {
    const post = await writePost('a good post')
    const rude = await writeComment(post, 'a rude comment')
    const good = await writeComment(post, 'a good comment')
    const stream = await openStream(`${ben.origin}/posts/${post}/stream`)
    await stream.opened
    expect((await boss.post(`/admin/reports/${await report(`/comments/${rude}`)}/remove`)).status).to.equal(
      200,
    )
    const event = await stream.next(
      ({ event: name, data }) => name === 'comment' && data.action === 'deleted',
    )
    expect(event.data.comment).to.deep.equal({ id: rude })
    stream.close()
    const { comments, post: card } = (await ben.get(`/posts/${post}`)).json
    expect(comments.map(({ id }: { id: string }) => id)).to.deep.equal([good])
    expect(card.comment_count).to.equal(1)
  })

  it('can be dismissed: the post stays, and a later report is open again', async () => {
    const post = await writePost('a fine post')
    const id = await report(`/posts/${post}`)
    const dismissed = await boss.post(`/admin/reports/${id}/dismiss`, {}, { type: 'form' })
    expect(dismissed).to.include({ status: 303, location: '/admin/reports' })
    expect((await ann.get(`/posts/${post}`)).status).to.equal(200)
    expect(await log()).to.deep.equal([{ action: 'report dismissed', detail: { kind: 'post', id: post } }])
    for (const verb of ['dismiss', 'remove']) {
      expect((await boss.post(`/admin/reports/${id}/${verb}`)).status, verb).to.equal(422)
    }
    expect((await ann.get(`/posts/${post}`)).status).to.equal(200)
    await report(`/posts/${post}`)
    expect(await open()).to.have.lengthOf(1)
  })

  it('can be decided after the author has deleted the post', async () => {
    const post = await writePost('a rude post')
    const id = await report(`/posts/${post}`)
    await ann.post(`/posts/${post}/delete`)
    const page = await boss.get(`/admin/reports/${id}`, { accept: 'text/html' })
    expect(page.text).to.contain('a rude post').and.contain('has been deleted since')
    expect((await boss.post(`/admin/reports/${id}/remove`)).json.report.outcome).to.equal('removed')
  })

  it('show an admin of a private group only the text that a member reported', async () => {
    const post = await writePost('a reported secret', 'hidden')
    const other = await writePost('another secret', 'hidden')
    const comment = await writeComment(post, 'a secret comment')
    const id = await report(`/posts/${post}`)
    const page = await boss.get(`/admin/reports/${id}`, { accept: 'text/html' })
    expect(page.text).to.contain('a reported secret').and.contain('private group')
    expect(page.text).not.to.contain('another secret').and.not.to.contain('a secret comment')
    for (const path of [`/posts/${post}`, `/posts/${other}`, '/groups/hidden']) {
      expect((await boss.get(path)).status, path).to.equal(404)
    }
    for (const path of [`/posts/${other}`, `/comments/${comment}`]) {
      expect((await boss.post(`${path}/report`, { reason: 'x' })).status, path).to.equal(404)
    }
    expect((await boss.post(`/admin/reports/${id}/remove`)).status).to.equal(200)
    expect((await ann.get(`/posts/${post}`)).status).to.equal(404)
    expect((await ann.get(`/posts/${other}`)).status).to.equal(200)
  })

  it('are closed to everybody else, and nothing happens', async () => {
    const post = await writePost('a fine post')
    const id = await report(`/posts/${post}`)
    for (const person of [ann, ben, guest]) {
      const status = person === guest ? 401 : 403
      for (const path of ['/admin/reports', '/admin/reports/closed', `/admin/reports/${id}`]) {
        expect((await person.get(path)).status, path).to.equal(status)
      }
      for (const verb of ['remove', 'dismiss']) {
        expect((await person.post(`/admin/reports/${id}/${verb}`)).status, verb).to.equal(status)
      }
    }
    expect((await boss.post(`/admin/reports/${id}/remove`, {}, { csrf: null })).status).to.equal(403)
    expect((await ann.get(`/posts/${post}`)).status).to.equal(200)
    expect(await open()).to.have.lengthOf(1)
    expect(await log()).to.deep.equal([])
  })

  it('are closed to an admin from the moment of the removal', async () => {
    const post = await writePost('a fine post')
    const id = await report(`/posts/${post}`)
    await database.query(`update users set admin = false`)
    for (const verb of ['remove', 'dismiss']) {
      expect((await boss.post(`/admin/reports/${id}/${verb}`)).status, verb).to.equal(403)
    }
    expect((await ann.get(`/posts/${post}`)).status).to.equal(200)
  })

  it('lose the name of a reporter who deletes the account, and go with the reported account', async () => {
    const dora = await client(ben.origin).register('dora')
    const emil = await client(ben.origin).register('emil')
    const post = await writePost('a rude post')
    const ofPost = await report(`/posts/${post}`, dora)
    const theirs = (await emil.post('/posts', { body: 'by emil' })).json.post.id
    const ofEmil = await report(`/posts/${theirs}`)
    for (const person of [dora, emil]) await person.post('/settings/account', { password })
    expect((await boss.get(`/admin/reports/${ofPost}`)).json.report).to.include({ reporter: null })
    expect((await boss.get(`/admin/reports/${ofEmil}`)).status).to.equal(404)
    const left = () =>
      database.query<{ id: string; reporter_id: string | null }>('select id, reporter_id from reports')
    await eventually(left, (rows) => rows.length === 1 && rows[0]!.reporter_id === null, {
      what: 'the deletion of the rows',
    })
  })
})
