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

  it('fills an empty database, and adds nothing at the second run', async () => {
    const first = await run(database.url)
    expect(first.code, first.output).to.equal(0)
    expect(first.output).to.contain('Sign in as ann with the password koafeed-demo')
    const counts = await count()
    expect(counts).to.include({ people: people.length, posts: threads.length, outbox: 0, later: 0 })
    const second = await run(database.url)
    expect(second.code, second.output).to.equal(0)
    expect(second.output).to.contain('nothing was added')
    expect(await count()).to.deep.equal(counts)
  })

  it('shows posts of a private group only in the feed of that group', async () => {
    const feeds = await database.query(`
      select distinct f.kind
      from entries e
      join feeds f on f.id = e.feed_id
      join posts p on p.id = e.post_id
      join groups g on g.id = p.group_id and g.visibility = 'private'`)
    expect(feeds).to.deep.equal([{ kind: 'group' }])
  })

  it('adds nothing in production, or to a database with other users', async () => {
    const production = await run(database.url, {
      NODE_ENV: 'production',
      SESSION_KEYS: 'k3yQ9v0XzA7rLm2WpT5uHc8NdEfGjB1s',
      PUBLIC_ORIGIN: 'https://feed.example.org',
    })
    expect(production.code).to.equal(1)
    expect(production.output).to.match(/This is production.*--force/)

    const url = await createDatabase()
    const db = new pg.Client({ connectionString: url })
    await db.connect()
    await db.query(`insert into users (username, password_hash) values ('stranger', '')`)
    await db.end()
    const refused = await run(url)
    expect(refused.code).to.equal(1)
    expect(refused.output).to.match(
      /The database of DATABASE_URL has users that are not demo users \(1\).*nothing was added.*--force/,
    )
  })

  it('makes the same actions each time, and none in the future', () => {
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
        (select count(*) from outbox)::int as outbox,
        (select count(*) from entries where at > now())::int as later`)
    return row ?? {}
  }
})

async function run(url: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [seed],
      { env: { PATH: process.env.PATH, DATABASE_URL: url, ...env } },
      (error, out, err) => resolve({ code: error ? Number(error.code) : 0, output: out + err }),
    )
  })
}
