import { expect } from 'chai'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import pg from 'pg'
import { people } from '../src/seed/people.ts'
import { playThreads } from '../src/seed/history.ts'
import { createRandom } from '../src/seed/random.ts'
import { threads } from '../src/seed/threads.ts'
import { createDatabase, useDatabase } from './support/database.ts'

const seed = join(import.meta.dirname, '../src/seed.ts')

describe('npm run seed', () => {
  const database = useDatabase()

  it('fills an empty database, and finds at the second run what the first has added', async () => {
    const first = await run(database.url)
    expect(first.code, first.said).to.equal(0)
    expect(first.said).to.contain('Sign in as ann / koafeed-demo')
    const counts = await count()
    expect(counts).to.include({ people: people.length, posts: threads.length, fallen: 0, later: 0 })
    const second = await run(database.url)
    expect(second.code, second.said).to.equal(0)
    expect(second.said).to.contain('nothing was added')
    expect(await count()).to.deep.equal(counts)
  })

  it('spreads nothing of a private group', async () => {
    const feeds = await database.query(`
      select distinct f.kind
      from entries e
      join feeds f on f.id = e.feed_id
      join posts p on p.id = e.post_id
      join groups g on g.id = p.group_id and g.visibility = 'private'`)
    expect(feeds).to.deep.equal([{ kind: 'group' }])
  })

  it('leaves a production database alone, and one with other people in it', async () => {
    const production = await run(database.url, {
      NODE_ENV: 'production',
      SESSION_KEYS: 'k3yQ9v0XzA7rLm2WpT5uHc8NdEfGjB1s',
      PUBLIC_ORIGIN: 'https://feed.example.org',
    })
    expect(production.code).to.equal(1)
    expect(production.said).to.match(/this is production.*--force/)

    const url = await createDatabase()
    const db = new pg.Client({ connectionString: url })
    await db.connect()
    await db.query(`insert into users (username, password_hash) values ('stranger', '')`)
    await db.end()
    const inhabited = await run(url)
    expect(inhabited.code).to.equal(1)
    expect(inhabited.said).to.match(/There are 1 people in the database.*nothing was added.*--force/)
  })

  it('tells the same story each time, and nothing from the future', () => {
    const now = new Date('2026-11-22T12:00:00Z')
    const play = () => playThreads(threads, createRandom(7), now)
    expect(play()).to.deep.equal(play())
    const names = new Set(people.map(({ username }) => username))
    for (const { at, by } of play()) {
      expect(names.has(by), by).to.equal(true)
      expect(at.getTime())
        .to.be.at.most(now.getTime())
        .and.at.least(now.getTime() - 14 * 86_400_000)
    }
  })

  async function count(): Promise<Record<string, unknown>> {
    const [row] = await database.query(`
      select
        (select count(*) from users)::int as people,
        (select count(*) from posts)::int as posts,
        (select count(*) from comments)::int as comments,
        (select count(*) from post_likes)::int as likes,
        (select count(*) from subscriptions)::int as subscriptions,
        (select count(*) from fallen_entries)::int as fallen,
        (select count(*) from entries where at > now())::int as later`)
    return row ?? {}
  }
})

async function run(url: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [seed],
      { env: { PATH: process.env.PATH, DATABASE_URL: url, ...env } },
      (error, out, err) => resolve({ code: error ? Number(error.code) : 0, said: out + err }),
    )
  })
}
