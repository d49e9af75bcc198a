import { expect } from 'chai'
import { createRandom, type Random } from '../../bench/simulate/random.ts'
import { parseBlock, type EventPayload } from '../../bench/simulate/world/blocks.ts'
import { groupPage, publicPage, userPage } from '../../bench/simulate/audience.ts'
import { SimulatedLog } from '../../bench/simulate/world/log.ts'
import { authorizeNow, framesOf, rowsFrom, topicsBetween } from '../../bench/simulate/world/reader.ts'
import { feedOf, GROUP_FEEDS, stateOf, type Post } from '../../bench/simulate/states.ts'
import { createDb, type DatabasePool } from '../../src/db/pool.ts'
import type { Frame } from '../../src/stream/log/frame.ts'
import { createLogReader } from '../../src/stream/log/reader.ts'
import { authorize, type Wanted } from '../../src/stream/rights.ts'
import { useDatabase, type TestDatabase } from '../support/database.ts'

const HISTORIES = 20
const STEPS = 40
const USERS = [1, 2, 3]

/** Makes the users and groups with the ids and feeds of the simulation; user 9 owns both groups. */
async function addPeople(database: TestDatabase): Promise<void> {
  for (const user of [...USERS, 9]) {
    await database.query(`alter table feeds alter column id restart with ${feedOf(user)}`)
    await database.query(
      `insert into users (id, username, name, password_hash) values (${user}, 'user${user}', 'User', 'none')`,
    )
  }
  for (const feed of GROUP_FEEDS) {
    await database.query(`alter table feeds alter column id restart with ${feed}`)
    await database.query(
      `insert into groups (id, name, title, visibility) values (${feed}, 'group${feed}', 'Group', 'private')`,
    )
    await database.query(`insert into subscriptions (user_id, feed_id) values (9, ${feed})`)
  }
}

/** Does each step on the simulated log, then the same with SQL. */
class Twins {
  readonly log: SimulatedLog
  readonly database: TestDatabase
  #random: Random
  #sessions = 0

  constructor(database: TestDatabase, firstSeq: number, random: Random) {
    this.log = new SimulatedLog(firstSeq)
    this.database = database
    this.#random = random
    for (const user of USERS) this.log.addUser(user, '')
  }

  async step(): Promise<void> {
    const { log, database } = this
    const random = this.#random
    const post = this.#anyPost()
    const comment = post && stateOf(post)!.comments.length > 0 ? random.pick(stateOf(post)!.comments) : null
    switch (random.between(0, 11)) {
      case 0:
        await database.query("select nextval('log_seq')")
        return log.skipNumbers(1)
      case 1:
        return this.#changeRights()
      case 2:
        return this.#addSession()
      case 3:
        return this.#endSession()
      case 4:
        return this.#trim()
      case 5:
        if (!post) return
        log.deletePost(post)
        await database.query(`delete from posts where id = ${post.id}`)
        return
      case 6:
        if (!post) return
        log.editPost(post)
        await database.query('update posts set body = $1 where id = $2', [stateOf(post)!.body, post.id])
        return
      case 7:
        if (!post || !comment) return
        log.deleteComment(post, comment.id)
        await database.query(`delete from comments where id = ${comment.id}`)
        return
      case 8:
        return post && comment ? this.#editComment(post, comment.id) : undefined
      case 9:
        return post ? this.#addComment(post) : undefined
      default:
        return this.#addPost()
    }
  }

  #anyPost(): Post | null {
    const posts = [...this.log.posts.values()].filter((post) => stateOf(post)!.body !== null)
    return posts.length > 0 ? this.#random.pick(posts) : null
  }

  async #addPost(): Promise<void> {
    const group = this.#random.chance(0.4) ? this.#random.pick(GROUP_FEEDS) : null
    const filler = this.#random.chance(0.1) ? 'x'.repeat(4_900) : ''
    const post = this.log.addPost(this.#random.pick(USERS), group, filler)
    await this.database.query('insert into posts (id, author_id, group_id, body) values ($1, $2, $3, $4)', [
      post.id,
      post.author,
      group,
      stateOf(post)!.body,
    ])
  }

  async #addComment(post: Post): Promise<void> {
    this.log.addComment(post, this.#random.pick(USERS))
    const { id, author, body } = stateOf(post)!.comments.at(-1)!
    await this.database.query('insert into comments (id, post_id, author_id, body) values ($1, $2, $3, $4)', [
      id,
      post.id,
      author,
      body,
    ])
  }

  async #editComment(post: Post, id: number): Promise<void> {
    this.log.editComment(post, id)
    const { body } = stateOf(post)!.comments.find((comment) => comment.id === id)!
    await this.database.query('update comments set body = $1 where id = $2', [body, id])
  }

  async #changeRights(): Promise<void> {
    const user = this.#random.pick(USERS)
    const feed = this.#random.pick([
      ...GROUP_FEEDS,
      ...USERS.map(feedOf).filter((own) => own !== feedOf(user)),
    ])
    const wanted = !this.log.isSubscribed(user, feed)
    this.log.subscribe(user, feed, wanted)
    await this.database.query(
      wanted
        ? `insert into subscriptions (user_id, feed_id) values (${user}, ${feed})`
        : `delete from subscriptions where user_id = ${user} and feed_id = ${feed}`,
    )
  }

  async #addSession(): Promise<void> {
    const session = `aa${String(++this.#sessions).padStart(2, '0')}`
    const user = this.#random.pick(USERS)
    this.log.addSession(user, session)
    await this.database.query(
      `insert into sessions (id_hash, user_id, expires_at) values ('\\x${session}', ${user}, now() + interval '1 day')`,
    )
  }

  async #endSession(): Promise<void> {
    const session = [...this.log.rights.sessions.keys()].at(-1)!
    if (session === '') return
    this.log.endSession(session)
    await this.database.query(`delete from sessions where id_hash = '\\x${session}'`)
  }

  async #trim(): Promise<void> {
    const before = this.log.newest() - this.#random.between(0, 20)
    this.log.trim(before)
    await this.database.query(`delete from log where seq < ${before} and seq < (select max(seq) from log)`)
  }
}

/** What the simulation has of an event. */
function reduce(payload: EventPayload & { feed?: string; session?: string }): unknown {
  const { action, post, comment, feed, session } = payload
  const view = ({ id, body }: { id: string; body?: string }): unknown[] => [id, body]
  return {
    action,
    feed,
    session,
    comment: comment && view(comment),
    post: post && [...view(post), (post.comments ?? []).map(view)],
  }
}

function describeFrame({ seq, topics, post, block }: Frame): unknown {
  const shown = block && block.length > 0 ? parseBlock(block.bytes('identity')) : null
  return { seq, topics: [...topics].sort(), post, event: shown?.event, shown: shown && reduce(shown.payload) }
}

function describeTopics({ topics, oldest }: { topics: string; oldest: number }): unknown {
  const rows = [...topics.matchAll(/(\d+)\{([^}]*)\}/g)]
  return { oldest, rows: rows.map(([, seq, names]) => [Number(seq), names!.split(',').sort()]).sort() }
}

describe('the simulated log', () => {
  const database = useDatabase()
  let db: DatabasePool

  before(async () => {
    await addPeople(database)
    db = await createDb(database.url, { applicationName: 'test' })
  })
  after(() => db.end())

  async function compare({ log }: Twins, first: number): Promise<void> {
    const reader = createLogReader(db)
    const oldest = Math.max(log.oldest, first)
    const describeRows = (rows: Awaited<ReturnType<typeof reader.readFrom>>): unknown[] =>
      rows.map(({ seq, event, topics, payload }) => ({
        seq,
        event,
        topics: [...topics].sort(),
        payload: reduce(payload as EventPayload),
      }))
    const rows = await reader.readFrom(oldest, 1_000)
    expect(describeRows(rows)).to.deep.equal(describeRows(rowsFrom(log, oldest, 1_000)))
    const seqs = rows.map(({ seq }) => seq)
    expect((await reader.readFrames(seqs)).map(describeFrame)).to.deep.equal(
      framesOf(log, seqs).map(describeFrame),
    )
    expect(describeTopics(await reader.readTopics(oldest, log.newest()))).to.deep.equal(
      describeTopics(topicsBetween(log, oldest, log.newest())),
    )
    const pages = [
      [],
      [publicPage],
      ...USERS.map((user) => [userPage(user)]),
      [groupPage(0)],
      [groupPage(0), groupPage(1)],
      ...[...log.posts.keys()].slice(-3).map((id) => [{ kind: 'posts' as const, key: String(id) }]),
    ]
    const sessions = [...log.rights.sessions, ...[...log.rights.endedSessions].map((session) => [session, 1])]
    const wanted: Wanted[] = sessions
      .filter(([session]) => session !== '')
      .flatMap(([session, user]) =>
        pages.map((asked) => ({
          viewer: { id: String(user), session: String(session) },
          home: asked.length < 2,
          pages: asked,
        })),
      )
    const sort = (found: ReturnType<typeof authorizeNow>): unknown =>
      found.isSessionAlive && {
        ...found.rights,
        feeds: found.rights.feeds.sort(),
        pages: found.rights.pages.sort(),
        missing: found.missing,
      }
    expect((await authorize(db, wanted)).map(sort)).to.deep.equal(
      wanted.map((one) => sort(authorizeNow(log, one))),
    )
  }

  it(`gives the same rows, topics, replayed events and rights as PostgreSQL in ${HISTORIES} histories`, async function () {
    this.timeout(120_000)
    for (let seed = 1; seed <= HISTORIES; seed++) {
      for (const table of ['posts', 'sessions', 'rights', 'log']) await database.query(`delete from ${table}`)
      await database.query('delete from subscriptions where user_id < 9 and feed_id <> 100 + user_id')
      await database.query('delete from log')
      await database.query('delete from rights')
      const [{ last }] = (await database.query<{ last: string }>(
        'select last_value as last from log_seq',
      )) as [{ last: string }]
      const twins = new Twins(database, Number(last), createRandom(seed))
      for (let step = 1; step <= STEPS; step++) {
        await twins.step()
        if (step % 10 === 0) await compare(twins, Number(last) + 1)
      }
    }
  })
})
