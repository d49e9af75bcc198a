import { expect } from 'chai'
import { eventually } from '../support/eventually.ts'
import type { Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

describe('pages of several instances', () => {
  const { database, instances, people } = useSite({ people: ['ann', 'bob'], instances: 2 })
  const { ann, bob } = people
  let elsewhere: Client

  before(async () => {
    await bob.post('/users/ann/follow')
    await ann.post('/posts', { body: 'the first post' })
    elsewhere = ann.at(instances[1]!.origin)
  })

  const first = async (reader: Client, path: string) => (await reader.get(path)).json.posts[0]

  it('show a change on every instance as soon as its request is answered', async () => {
    const { id } = await first(ann, '/')
    for (let n = 0; n < 15; n++) {
      await ann.post(`/posts/${id}/edit`, { body: `edit ${n}` })
      for (const path of ['/', '/public', '/users/ann']) {
        expect((await first(elsewhere, path)).body, path).to.equal(`edit ${n}`)
      }
      await bob.post(`/posts/${id}/comments`, { body: `comment ${n}` })
      expect((await first(ann, '/')).comments.at(-1).body).to.equal(`comment ${n}`)
    }
  })

  it('show a new username and picture on every instance as soon as its request is answered', async () => {
    for (const name of ['Ann Lee', 'Ann']) {
      await ann.post('/settings/profile', { name })
      for (const reader of [ann, elsewhere, bob])
        expect((await first(reader, '/')).author.name).to.equal(name)
    }
  })

  it('show every change while the connections that listen are cut again and again', async () => {
    const { id } = await first(ann, '/')
    const cut = () =>
      database.query<{ cut: boolean }>(
        "select pg_terminate_backend(pid) as cut from pg_stat_activity where application_name like 'koafeed:listener:%' and datname = current_database()",
      )
    let cuts = 0
    for (let n = 0; n < 15; n++) {
      cuts += (await cut()).length
      await ann.post(`/posts/${id}/edit`, { body: `cut ${n}` })
      expect((await first(elsewhere, '/')).body).to.equal(`cut ${n}`)
      await database.query('update posts set body = $2 where id = $1', [id, `psql ${n}`])
      expect((await first(ann, '/')).body).to.equal(`psql ${n}`)
    }
    expect(cuts).to.be.greaterThan(2)
    for (const { origin } of instances) await eventually(async () => (await fetch(`${origin}/readyz`)).ok)
  })
})
