import { expect } from 'chai'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { COVERAGE, SECTIONS } from '../../src/cli/export/sections.ts'
import { runCli } from '../support/cli.ts'
import { useSite } from '../support/site.ts'

describe('npm run admin -- export', function () {
  this.timeout(20_000)
  const {
    database,
    people: { ann, ben },
  } = useSite({ people: ['ann', 'ben'] })
  const run = (...args: string[]) => runCli(['export', ...args], { env: { DATABASE_URL: database.url } })

  it('writes what a person wrote, likes and is, and nothing that others wrote', async () => {
    await ann.post('/groups', { name: 'hidden', title: 'Hidden', visibility: 'private' })
    const post = (await ann.post('/posts', { body: 'by ann' })).json.post.id
    await ann.post('/posts', { body: 'a secret by ann', group: 'hidden' })
    const other = (await ben.post('/posts', { body: 'by ben' })).json.post.id
    const comment = (await ann.post(`/posts/${other}/comments`, { body: 'a comment by ann' })).json.comment.id
    await ben.post(`/posts/${post}/comments`, { body: 'a comment by ben' })
    await ann.post(`/posts/${other}/like`)
    await ann.post(`/comments/${comment}/like`)
    await ann.post('/users/ben/follow')
    await ann.post('/users/ben/report', { reason: 'a reason by ann' })
    const { code, stdout } = await run('ann')
    expect(code).to.equal(0)
    const data = JSON.parse(stdout)
    expect(data.account).to.include({ username: 'ann', admin: false, suspended_at: null })
    expect(data.posts.map(({ body, group }: Record<string, unknown>) => [body, group])).to.deep.equal([
      ['by ann', null],
      ['a secret by ann', 'hidden'],
    ])
    expect(data.comments).to.have.lengthOf(1)
    expect(data.comments[0]).to.include({ id: comment, post_id: other, body: 'a comment by ann' })
    expect(data.post_likes[0]).to.include({ post_id: other })
    expect(data.comment_likes[0]).to.include({ comment_id: comment })
    expect(data.following[0]).to.include({ username: 'ben' })
    expect(data.groups[0]).to.include({ name: 'hidden', owner: true })
    expect(data.sessions).to.have.lengthOf(1)
    expect(data.reports[0]).to.include({ kind: 'account', reason: 'a reason by ann' })
    expect(stdout).not.to.contain('by ben').and.not.to.contain('argon2')
    expect(Object.keys(data)).to.deep.equal(Object.keys(SECTIONS))
    expect(await database.query('select action from admin_log')).to.deep.equal([
      { action: 'account exported' },
    ])
  })

  it('writes a new file that only its owner can read', async () => {
    const dir = fs.mkdtempSync(join(tmpdir(), 'koafeed-export-'))
    const file = join(dir, 'ben.json')
    expect((await run('ben', '--output', file)).code).to.equal(0)
    expect(JSON.parse(fs.readFileSync(file, 'utf8')).account.username).to.equal('ben')
    expect(fs.statSync(file).mode & 0o777).to.equal(0o600)
    expect((await run('ann', '--output', file)).code).to.equal(1)
    expect(JSON.parse(fs.readFileSync(file, 'utf8')).account.username).to.equal('ben')
    fs.rmSync(dir, { recursive: true })
  })

  it('rejects an unknown person', async () => {
    expect(await run('nobody_here')).to.include({ code: 1, stdout: '', stderr: 'User not found\n' })
  })

  it('covers every table that names a person', async () => {
    const references = await database.query<{ name: string }>(
      `select c.conrelid::regclass || '.' || a.attname as name
       from pg_constraint c
       join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
       where c.contype = 'f' and c.confrelid = 'users'::regclass
       order by 1`,
    )
    expect(references.map(({ name }) => name)).to.deep.equal(Object.keys(COVERAGE).sort())
  })
})
