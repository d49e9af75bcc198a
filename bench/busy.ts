/**
 * Compares a post with 10,000 likes and 2,000 comments with a post without any: the time of its page, of a write and of
 * an event. `node bench/busy.ts`
 */
import { client, type Client } from '../test/support/http.ts'
import { startInstance, stopInstances } from '../test/support/servers/instance.ts'
import { openStream } from '../test/support/streams/sse.ts'
import { startPostgres, type BenchPostgres } from '../test/faults/cluster/postgres.ts'
import { productionEnv, line, measure } from './measure.ts'

const LIKERS = 10_000
const COMMENTS = 2_000
const TIMES = 60

const postgres = await startPostgres()
try {
  const instance = await startInstance({ databaseUrl: postgres.url, env: productionEnv })
  const ann = await client(instance.origin).register('ann')
  const bob = await client(instance.origin).register('bob')
  const [quiet, busy] = [await post(ann, 'quiet'), await post(ann, 'busy')]
  await fill(postgres, busy)
  const card = (await ann.get(`/posts/${busy}`)).json.post
  console.log(`quiet: no likes or comments. busy: ${card.like_count} likes, ${card.comment_count} comments`)
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
    ['likers', '/likers', 'application/json'],
    ['comments, 10', '/comments', 'application/json'],
  ] as const) {
    const get = (id: string) => () => reader.get(`/posts/${id}${path}`, { accept })
    const taken = await measure({ quiet: get(quiet), busy: get(busy) }, TIMES)
    console.log(line(what, taken.quiet, taken.busy))
  }
}

/** Likes and unlikes in turn, and deletes each comment, so that the quiet post stays quiet. */
async function writes(writer: Client, quiet: string, busy: string): Promise<void> {
  const toggleLike = (id: string) => (n: number) => writer.post(`/posts/${id}/${n % 2 ? 'unlike' : 'like'}`)
  const likes = await measure({ quiet: toggleLike(quiet), busy: toggleLike(busy) }, TIMES)
  console.log(line('a like or unlike', likes.quiet, likes.busy))

  const comments: Record<string, string> = {}
  const comment = (id: string) => async () => {
    comments[id] = (await writer.post(`/posts/${id}/comments`, { body: 'hello' })).json.comment.id
  }
  const toggleCommentLike = (id: string) => (n: number) =>
    writer.post(`/comments/${comments[id]}/${n % 2 ? 'unlike' : 'like'}`)
  const deleteComment = (id: string) => () => writer.post(`/comments/${comments[id]}/delete`)
  const taken = await measure(
    {
      comment: comment(quiet),
      commentBusy: comment(busy),
      like: toggleCommentLike(quiet),
      likeBusy: toggleCommentLike(busy),
      delete: deleteComment(quiet),
      deleteBusy: deleteComment(busy),
    },
    TIMES,
  )
  console.log(line('a comment', taken.comment, taken.commentBusy))
  console.log(line('a like of a comment', taken.like, taken.likeBusy))
  console.log(line('a comment deleted', taken.delete, taken.deleteBusy))
}

/** Measures the time from a like to its event on a stream, and the size of the event. */
async function frames(writer: Client, quiet: string, busy: string): Promise<void> {
  const bytes: Record<string, number> = {}
  const streams = Object.fromEntries(
    await Promise.all(
      [quiet, busy].map(async (id) => [id, await openStream(`${writer.origin}/posts/${id}/stream`)] as const),
    ),
  )
  const likeAndWait = (id: string) => async (n: number) => {
    const frame = streams[id]!.next(({ event }) => event === 'like')
    await writer.post(`/posts/${id}/${n % 2 ? 'like' : 'unlike'}`)
    bytes[id] = Buffer.byteLength(JSON.stringify((await frame).data))
  }
  await writer.post(`/posts/${quiet}/like`)
  await writer.post(`/posts/${busy}/like`)
  for (const id of [quiet, busy]) await streams[id]!.next(({ event }) => event === 'like')
  const taken = await measure(
    { quiet: (n) => likeAndWait(quiet)(n), busy: (n) => likeAndWait(busy)(n) },
    TIMES,
  )
  console.log(line('from a like to its event', taken.quiet, taken.busy))
  const [a = 0, b = 0] = [bytes[quiet], bytes[busy]]
  console.log(
    `${'bytes of the event'.padEnd(26)} ${String(a).padStart(8)}    ${String(b).padStart(8)}      × ${(b / a).toFixed(1)}`,
  )
  for (const stream of Object.values(streams)) stream.close()
}

/** Inserts likes and comments without triggers, which would take long, and then the rows and counts of the triggers. */
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
