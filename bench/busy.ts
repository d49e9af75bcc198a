/**
 * A post with 10,000 likers and 2,000 comments beside one with none of either, on one instance: what its page, a write
 * and a frame cost. `node bench/busy.ts`
 */
import { client, type Client } from '../test/support/http.ts'
import { startInstance, stopInstances } from '../test/support/instance.ts'
import { openStream } from '../test/support/sse.ts'
import { startPostgres, type BenchPostgres } from '../test/faults/postgres.ts'
import { inEarnest, line, measure } from './measure.ts'

const LIKERS = 10_000
const COMMENTS = 2_000
const TIMES = 60

const postgres = await startPostgres()
try {
  const instance = await startInstance({ databaseUrl: postgres.url, env: inEarnest })
  const ann = await client(instance.origin).register('ann')
  const bob = await client(instance.origin).register('bob')
  const [quiet, busy] = [await post(ann, 'quiet'), await post(ann, 'busy')]
  await fill(postgres, busy)
  const card = (await ann.get(`/posts/${busy}`)).json.post
  console.log(`quiet: nothing yet. busy: ${card.like_count} likes, ${card.comment_count} comments`)
  console.log(`${''.padEnd(26)}       quiet        busy`)
  await pages(ann, quiet, busy)
  await writes(bob, quiet, busy)
  await frames(bob, quiet, busy)
} finally {
  await stopInstances()
  await postgres.remove()
}
process.exit(0)

async function pages(reader: Client, quiet: string, busy: string): Promise<void> {
  for (const [what, path, accept] of [
    ['permalink, JSON', '', 'application/json'],
    ['permalink, HTML', '', 'text/html'],
    ['who likes it', '/likers', 'application/json'],
    ['comments, 10', '/comments', 'application/json'],
  ] as const) {
    const get = (id: string) => () => reader.get(`/posts/${id}${path}`, { accept })
    const taken = await measure({ quiet: get(quiet), busy: get(busy) }, TIMES)
    console.log(line(what, taken.quiet, taken.busy))
  }
}

/** A like and an unlike in turn; a comment and its end, so that the quiet post stays quiet. */
async function writes(writer: Client, quiet: string, busy: string): Promise<void> {
  const flip = (id: string) => (n: number) => writer.post(`/posts/${id}/${n % 2 ? 'unlike' : 'like'}`)
  const likes = await measure({ quiet: flip(quiet), busy: flip(busy) }, TIMES)
  console.log(line('a like or unlike', likes.quiet, likes.busy))

  const made: Record<string, string> = {}
  const say = (id: string) => async () => {
    made[id] = (await writer.post(`/posts/${id}/comments`, { body: 'hello' })).json.comment.id
  }
  const flipComment = (id: string) => (n: number) =>
    writer.post(`/comments/${made[id]}/${n % 2 ? 'unlike' : 'like'}`)
  const unsay = (id: string) => () => writer.post(`/comments/${made[id]}/delete`)
  const taken = await measure(
    {
      say: say(quiet),
      sayBusy: say(busy),
      like: flipComment(quiet),
      likeBusy: flipComment(busy),
      unsay: unsay(quiet),
      unsayBusy: unsay(busy),
    },
    TIMES,
  )
  console.log(line('a comment', taken.say, taken.sayBusy))
  console.log(line('a like of a comment', taken.like, taken.likeBusy))
  console.log(line('a comment deleted', taken.unsay, taken.unsayBusy))
}

/** From the request to the frame, and the frame's bytes. */
async function frames(writer: Client, quiet: string, busy: string): Promise<void> {
  const bytes: Record<string, number> = {}
  const streams = Object.fromEntries(
    await Promise.all(
      [quiet, busy].map(async (id) => [id, await openStream(`${writer.origin}/posts/${id}/stream`)] as const),
    ),
  )
  const tell = (id: string) => async (n: number) => {
    const frame = streams[id]!.next(({ event }) => event === 'like')
    await writer.post(`/posts/${id}/${n % 2 ? 'like' : 'unlike'}`)
    bytes[id] = Buffer.byteLength(JSON.stringify((await frame).data))
  }
  await writer.post(`/posts/${quiet}/like`)
  await writer.post(`/posts/${busy}/like`)
  for (const id of [quiet, busy]) await streams[id]!.next(({ event }) => event === 'like')
  const taken = await measure({ quiet: (n) => tell(quiet)(n), busy: (n) => tell(busy)(n) }, TIMES)
  console.log(line('from a like to its frame', taken.quiet, taken.busy))
  const [a = 0, b = 0] = [bytes[quiet], bytes[busy]]
  console.log(
    `${'bytes of the frame'.padEnd(26)} ${String(a).padStart(8)}    ${String(b).padStart(8)}      × ${(b / a).toFixed(1)}`,
  )
  for (const stream of Object.values(streams)) stream.close()
}

/** Without triggers: what they would have made in hours of evening traffic is put there by hand. */
async function fill({ connect }: BenchPostgres, id: string): Promise<void> {
  const database = await connect()
  try {
    await database.query(`
      insert into users (username, password_hash) select 'fan_' || n, 'x' from generate_series(1, ${LIKERS}) n`)
    await database.query('set session_replication_role = replica')
    await database.query(
      `insert into post_likes (post_id, user_id, created_at)
       select $1, id, now() - (${LIKERS} - id) * interval '1 second' from users where username like 'fan%'`,
      [id],
    )
    await database.query(
      `insert into comments (post_id, author_id, body, created_at)
       select $1, id, 'I have something to say about this as well, and it takes a line', now()
       from users where username like 'fan%' order by id limit ${COMMENTS}`,
      [id],
    )
    await database.query(
      `insert into entries (feed_id, post_id, at, reason, actor_id)
       select feed_id, $1, now(), 'commented', id from users where username like 'fan%' order by id
       limit max_entries() - (select count(*) from entries where post_id = $1)`,
      [id],
    )
    await database.query('update posts set like_count = $2, comment_count = $3 where id = $1', [
      id,
      LIKERS,
      COMMENTS,
    ])
    await database.query('reset session_replication_role')
    await database.query('analyze')
  } finally {
    await database.end()
  }
}

async function post(by: Client, body: string): Promise<string> {
  return (await by.post('/posts', { body })).json.post.id
}
