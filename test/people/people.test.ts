import { expect } from 'chai'
import type { QuerySqlToken } from 'slonik'
import { createDb, sql, type DatabasePool, type Db } from '../../src/db/pool.ts'
import { listDirectory } from '../../src/people/people.ts'
import { searchPeople } from '../../src/people/search.ts'
import { useDatabase } from '../support/database.ts'
import { client, type Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

interface Listed {
  username: string
  followed: boolean
  friends?: number
}

/** Reads all pages of a list of people. */
async function readAll(reader: Client, path: string): Promise<Listed[][]> {
  const pages: Listed[][] = []
  let before: string | null = ''
  while (before !== null) {
    const cursor: string = before && `${path.includes('?') ? '&' : '?'}before=${encodeURIComponent(before)}`
    const { status, json } = await reader.get(path + cursor)
    expect(status).to.equal(200)
    pages.push(json.people)
    before = json.before
  }
  return pages
}

const names = (people: Listed[]) => people.map(({ username }) => username)

describe('the directory of people', () => {
  const { people, guest, database } = useSite({ people: ['ann', 'bob', 'carl', 'dora', 'erin'] })
  before(async () => {
    await database.query(
      `insert into users (username, password_hash) select 'person_' || n, '' from generate_series(10, 29) n`,
    )
    await people.ann.post('/users/bob/follow')
    await people.ann.post('/users/carl/follow')
    await people.bob.post('/users/dora/follow')
    await people.carl.post('/users/dora/follow')
    await people.carl.post('/users/person_10/follow')
  })

  it('shows people whom friends follow first, then everybody else, newest first, each once', async () => {
    const pages = await readAll(people.ann, '/people')
    expect(pages.map(({ length }) => length)).to.deep.equal([10, 10, 4])
    const all = names(pages.flat())
    expect(all.slice(0, 4)).to.deep.equal(['dora', 'person_10', 'person_29', 'person_28'])
    expect(all.slice(-3)).to.deep.equal(['erin', 'carl', 'bob'])
    expect(new Set(all).size).to.equal(24)
    expect(all).not.to.include('ann')
    expect(pages[0]!.slice(0, 3).map(({ friends }) => friends)).to.deep.equal([2, 1, 0])
    expect(
      pages
        .flat()
        .filter(({ followed }) => followed)
        .map(({ username }) => username),
    ).to.deep.equal(['carl', 'bob'])
  })

  it('shows everybody to anonymous visitors, without buttons to follow', async () => {
    expect(names((await readAll(guest, '/people')).flat())).to.have.lengthOf(25)
    const html = (await guest.get('/people', { accept: 'text/html' })).text
    expect(html).to.contain('person_29').and.not.contain('follow-form')
  })

  it('follows a person with one click and returns to the same page', async () => {
    const page = await people.erin.get('/people', { accept: 'text/html' })
    expect(page.text).to.contain('action="/users/person_29/follow"')
    const next = '/people?q=person_2'
    const followed = await people.erin.post('/users/person_29/follow', { next }, { type: 'form' })
    expect([followed.status, followed.location]).to.deep.equal([303, next])
  })

  it('leaves out deleted accounts', async () => {
    const zoe = await client(guest.origin).register('zoe')
    expect(names((await people.ann.get('/people')).json.people)).to.include('zoe')
    expect((await people.ann.get('/people?q=zoe')).json.people).to.have.lengthOf(1)
    await zoe.post('/settings/account', { password: 'correct horse battery' })
    expect(names((await people.ann.get('/people')).json.people)).not.to.include('zoe')
    expect((await people.ann.get('/people?q=zoe')).json.people).to.deep.equal([])
  })

  it('recommends no suspended accounts, but finds them by name', async () => {
    await client(guest.origin).register('spammer')
    const listed = async () => names((await people.erin.get('/people')).json.people)
    expect(await listed()).to.include('spammer')
    await database.query(`update users set suspended_at = now() where username = 'spammer'`)
    const fresh = await client(guest.origin).register('fresh')
    expect(names((await fresh.get('/')).json.people)).not.to.include('spammer')
    expect(await listed()).not.to.include('spammer')
    expect(names((await people.erin.get('/people?q=spam')).json.people)).to.deep.equal(['spammer'])
  })

  it('refuses a cursor that it did not write', async () => {
    for (const path of [
      '/people?before=x',
      '/people?before=1_0',
      '/people?before=-1_4',
      '/people?q=a&before=x',
    ]) {
      expect((await guest.get(path)).status, path).to.equal(400)
    }
  })

  it('is linked from every page, with a search field', async () => {
    const html = (await people.ann.get('/groups', { accept: 'text/html' })).text
    expect(html)
      .to.match(/<a href="\/people">People<\/a>/)
      .and.match(/role="search" action="\/people"/)
  })
})

describe('the search for people', () => {
  const { people, guest, database } = useSite({ people: ['ann'] })
  before(async () => {
    await database.query(
      `insert into users (username, name, password_hash) values
       ('annabel', 'Zelda', ''), ('x_99', 'Ann Smith', ''), ('annette', 'Annette', ''), ('jose', 'José Ünal', ''),
       ('olga', 'Ольга', ''), ('hundred', '100% Ann', ''), ('under_score', 'Under', ''), ('underxscore', 'Under', '')`,
    )
  })
  const search = async (q: string) => {
    const { status, json } = await people.ann.get(`/people?q=${encodeURIComponent(q)}`)
    expect(status).to.equal(200)
    return names(json.people)
  }

  it('finds people whose username or name begins with the text, in alphabetical order, each once', async () => {
    expect(await search('ann')).to.deep.equal(['ann', 'x_99', 'annabel', 'annette'])
    expect(await search('anne')).to.deep.equal(['annette'])
    expect(await search('zel')).to.deep.equal(['annabel'])
    expect(await search('smith')).to.deep.equal([])
  })

  it('ignores case, accents, spaces around the text, and an @ before it', async () => {
    expect(await search('  ANN  smith ')).to.deep.equal(['x_99'])
    expect(await search('@Annab')).to.deep.equal(['annabel'])
    expect(await search('josé ü')).to.deep.equal(['jose'])
    expect(await search('JOSE U')).to.deep.equal(['jose'])
    expect(await search('ольГА')).to.deep.equal(['olga'])
  })

  it('takes % and _ literally', async () => {
    expect(await search('%')).to.deep.equal([])
    expect(await search('100%')).to.deep.equal(['hundred'])
    expect(await search('under_')).to.deep.equal(['under_score'])
  })

  it('shows the directory for an empty text', async () => {
    expect(await search(' ')).to.have.lengthOf(8)
  })

  it('says so if nobody is found, and keeps the text in the field', async () => {
    const { text } = await guest.get('/people?q=nobody%22', { accept: 'text/html' })
    expect(text).to.contain('Nobody found.').and.contain('value="nobody&quot;"')
    expect((await guest.get('/people?q=%00')).status).to.equal(422)
    expect((await guest.get(`/people?q=${'a'.repeat(5000)}`)).status).to.equal(200)
  })
})

describe('finding people among 100,000', () => {
  const database = useDatabase()
  let db: DatabasePool
  before(async function () {
    this.timeout(120_000)
    db = await createDb(database.url, { applicationName: 'test' })
    await database.query(`alter table users disable trigger user`)
    await database.query(`
      with made as (
        insert into feeds (kind) select 'user' from generate_series(1, 100000) returning id
      )
      insert into users (feed_id, username, name, password_hash)
      select id, 'p' || 100000 + id, case id % 3 when 0 then 'P' || id when 1 then 'Pat ' || id else 'Quinn' end, '' from made`)
    await database.query(`alter table users enable trigger user`)
    await database.query('vacuum analyze users')
  })
  after(() => db.end())

  const rowsRead = (tx: Db) =>
    tx.oneFirst(sql.row<{ rows: number }>()`
      select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::int as rows
      from pg_stat_xact_user_tables
      where relname = 'users'`)
  /** How many rows of `users` the statements of `work` read. */
  const countRows = (work: (tx: Db) => Promise<unknown>) =>
    db.transaction(async (tx) => {
      const earlier = await rowsRead(tx)
      await work(tx)
      return (await rowsRead(tx)) - earlier
    })

  for (const q of ['p', 'pa', 'quinn', 'p10']) {
    it(`reads only the rows of its page: ${q}`, async () => {
      let cursor: string | undefined
      for (let n = 0; n < 8; n++) {
        const rows = await countRows(async (tx) => {
          const { people, before } = await searchPeople(tx, null, q, cursor)
          expect(people).to.have.lengthOf(10)
          cursor = before ?? undefined
        })
        expect(rows, `page ${n}`).to.be.within(10, 60)
      }
    })
  }

  /** How many pages of tables and indexes the statement of `work` touches. */
  async function countPages(work: (tx: Db) => Promise<unknown>): Promise<number> {
    let pages = 0
    const explained = {
      async any(query: QuerySqlToken) {
        const plan = { ...query, sql: `explain (analyze, buffers, format json) ${query.sql}` }
        const [row] = (await db.any(plan)) as unknown as {
          'QUERY PLAN': [{ Plan: Record<string, number> }]
        }[]
        const { Plan } = row!['QUERY PLAN'][0]
        pages = Plan['Shared Hit Blocks']! + Plan['Shared Read Blocks']!
        return []
      },
    }
    await work(explained as never)
    return pages
  }

  it('starts in each index where the names begin', async () => {
    for (const q of ['p', 'pat', 'quinn', 'zzz']) {
      expect(await countPages((tx) => searchPeople(tx, null, q, undefined)), q).to.be.within(2, 100)
    }
  })

  it('shows the directory with as many reads', async () => {
    const { before } = await listDirectory(db, null, undefined)
    const rows = await countRows((tx) => listDirectory(tx, null, before!))
    expect(rows).to.be.within(10, 60)
  })
})
