import { expect } from 'chai'
import pg from 'pg'
import { migrate } from '../../src/db/migrations.ts'
import { useSite } from '../support/site.ts'
import { client, password, type Client } from '../support/http.ts'
import { openStream } from '../support/streams/sse.ts'

const KELVIN = '\u212a'
const DOTTED_I = '\u0130'

describe('a username or group name', () => {
  const { database, instances } = useSite()
  let ann: Client
  before(async () => {
    ann = await client(instances[0]!.origin).register('ken')
  })
  const guest = () => client(instances[0]!.origin)
  const html = { accept: 'text/html' } as const

  describe('with a non-ASCII letter whose lower case is ASCII', () => {
    const names = [`${KELVIN}en`, `${KELVIN}elvin`, `l${DOTTED_I}sa`]

    it('is rejected at registration, in the profile and for a group', async () => {
      for (const name of names) {
        const registered = await guest().post('/register', { username: name, password })
        expect(registered.status, name).to.equal(422)
        expect(registered.json.error.fields.username).to.match(/3 to 15/)
        const renamed = await ann.post('/settings/profile', { username: name })
        expect(renamed.json?.error?.fields?.username, name).to.match(/3 to 15/)
        const group = await ann.post('/groups', { name, title: 'A group' })
        expect(group.json?.error?.fields?.name, name).to.match(/3 to 15/)
      }
    })

    it('is rejected at sign-in', async () => {
      const answer = await guest().login(`${KELVIN}en`)
      expect(answer.status).to.equal(422)
      expect(answer.json.error.message).to.match(/^User not found: check/)
      expect((await guest().login('KEN')).status).to.equal(200)
    })

    it('gets 404 as the path of a page or a stream, and as the group of a post', async () => {
      await ann.post('/groups', { name: 'kites', title: 'Kites' })
      const kelvin = encodeURIComponent(KELVIN)
      for (const path of [`/users/${kelvin}en`, `/groups/${kelvin}ites`]) {
        expect((await ann.get(path)).status, path).to.equal(404)
        const stream = await openStream(`${instances[0]!.origin}${path}/stream`)
        stream.close()
        expect(stream.status, `${path}/stream`).to.equal(404)
      }
      expect((await ann.post('/posts', { body: 'x', group: `${KELVIN}ites` })).status).to.equal(404)
      expect((await ann.post('/posts', { body: 'x', group: 'KITES' })).status).to.equal(201)
      expect((await ann.get('/users/KEN')).status).to.equal(200)
    })

    it('is rejected by a database whose locale converts it to ASCII', async () => {
      const url = new URL(database.url)
      const name = `${url.pathname.slice(1)}_icu`
      await database.query(`create database ${name} template template0 locale_provider icu icu_locale 'en'`)
      url.pathname = `/${name}`
      await migrate(url.toString(), () => {})
      const db = new pg.Client({ connectionString: url.toString() })
      await db.connect()
      try {
        const { rows } = await db.query(`select lower('${KELVIN}en') = 'ken' as folds`)
        expect(rows, 'the locale converts it').to.deep.equal([{ folds: true }])
        const insert = (table: string, column: string, text: string) =>
          table === 'users'
            ? db.query(`insert into users (username, password_hash) values ($1, 'x') returning ${column}`, [
                text,
              ])
            : db.query(`insert into groups (name, title) values ($1, 'x') returning ${column}`, [text])
        for (const [table, column] of [
          ['users', 'username'],
          ['groups', 'name'],
        ] as const) {
          const rejected = await insert(table, column, `${KELVIN}en_${table}`).catch(
            (error: unknown) => error,
          )
          expect(rejected, table).to.include({ code: '23514' })
          expect((await insert(table, column, `KEN_${table}`)).rows[0]).to.deep.equal({
            [column]: `ken_${table}`,
          })
        }
      } finally {
        await db.end()
      }
    })
  })

  describe('with spaces around it', () => {
    const padded = (name: string) => [
      ` ${name} `,
      `\u00a0${name}\u2003`,
      `\t${name}\u3000`,
      `\ufeff${name}\u200b`,
    ]

    it('is trimmed at registration, at sign-in and in the profile', async () => {
      for (const [n, name] of padded('lisa').entries()) {
        if (n > 0) await database.query(`delete from users where username = 'lisa'`)
        const registered = await guest().post('/register', { username: name, password })
        expect(registered.json.user, JSON.stringify(name)).to.include({ username: 'lisa' })
      }
      for (const name of padded('Lisa')) {
        expect((await guest().login(name)).status, JSON.stringify(name)).to.equal(200)
      }
      for (const name of padded('Ken')) {
        const saved = await ann.post('/settings/profile', { username: name })
        expect(saved.json.user, JSON.stringify(name)).to.include({ username: 'ken' })
      }
    })

    it('is trimmed for a group', async () => {
      for (const [n, name] of padded(`walkers`).entries()) {
        const created = await ann.post('/groups', {
          name: name.replace('walkers', `walkers_${n}`),
          title: 'Walks',
        })
        expect(created.json.group, JSON.stringify(name)).to.include({ name: `walkers_${n}` })
      }
    })

    it('is rejected with a space inside', async () => {
      expect((await guest().post('/register', { username: 'li sa', password })).status).to.equal(422)
      expect((await guest().login('li sa')).json.error.message).to.match(/^User not found: check/)
    })
  })

  describe('that consists of invisible characters, like other text of this kind,', () => {
    const invisible = [
      '\u200b',
      '\u2800\u2800',
      '\u3164',
      '\uffa0',
      '\u00ad',
      '\ufe0f',
      '\u202e\u202c',
      '\u2066\u2069',
      '\u{e0041}\u{e007f}',
      '\u{1d159}',
      '\u180e\u034f\u115f\u17b4',
      ' \u200d\n\u2060\u00a0',
      '\u0001\u007f',
      '\ufff9\ufffb',
    ]
    const visible = ['❤️', '👩‍👩‍👧', 'न्‍', '·', '\u200bx', 'ﷺ', '😀']
    const code = (text: string) => [...text].map((c) => c.codePointAt(0)!.toString(16)).join(' ')

    it('counts as an empty post or comment', async () => {
      const empty = (await ann.post('/posts', { body: '' })).json.error
      const { id } = (await ann.post('/posts', { body: 'here' })).json.post
      const noComment = (await ann.post(`/posts/${id}/comments`, { body: '' })).json.error
      for (const body of invisible) {
        const post = await ann.post('/posts', { body })
        expect(post.status, code(body)).to.equal(422)
        expect(post.json.error).to.deep.equal(empty)
        expect((await ann.post(`/posts/${id}/edit`, { body })).status, code(body)).to.equal(422)
        const comment = await ann.post(`/posts/${id}/comments`, { body })
        expect(comment.status, code(body)).to.equal(422)
        expect(comment.json.error).to.deep.equal(noComment)
      }
      for (const body of visible) {
        const post = await ann.post('/posts', { body })
        expect(post.status, code(body)).to.equal(201)
        expect(post.json.post.body, 'stored as sent').to.equal(body)
      }
    })

    it('counts as an empty title of a group, and as an empty name in the profile', async () => {
      for (const text of invisible) {
        const group = await ann.post('/groups', { name: 'unseen', title: text })
        expect(group.json.error?.fields?.title, code(text)).to.equal('Please give the group a title')
        expect((await ann.post('/settings/profile', { name: text, bio: text })).json.user).to.include({
          name: 'ken',
        })
        expect((await ann.get('/users/ken')).json.user.bio, code(text)).to.equal('')
      }
      for (const name of visible) {
        const saved = await ann.post('/settings/profile', { name })
        expect(saved.json.user.name, code(name)).to.equal(name)
      }
    })

    it('counts as an empty username', async () => {
      for (const username of invisible) {
        const answer = await guest().post('/login', { username, password })
        expect(answer.json.error.message, code(username)).to.equal('Please enter username and password')
      }
      expect((await ann.get('/', html)).status).to.equal(200)
    })
  })
})
