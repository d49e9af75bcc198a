import { pause, type Cluster, type Person } from '../cluster/cluster.ts'
import type { Fault } from '../run.ts'

const LIKES_PER_SECOND = 50
const REFUSAL_LIMIT_MS = 5_000

/** A post is locked while people like it. All pages and all other writes must be served. */
export const rowLocked: Fault = {
  name: 'a row is locked',
  amount: { long: 20_000, short: 3_000 },
  async inject(context) {
    const { cluster, amount: duration, reportViolation, addRemark } = context
    const post = await newPost(cluster)
    const holder = await cluster.postgres.connect()
    await holder.query('begin')
    await holder.query('select from posts where id = $1 for update', [post])
    const end = Date.now() + duration
    const pages = readPages(cluster, post, end)
    const likes = await likeUntil(cluster.strangers, post, end)
    const statuses = await pages
    await holder.query('commit')
    await holder.end()

    if (likes.served > 0) reportViolation(`${likes.served} likes of the locked post were confirmed`)
    if (likes.slowest > REFUSAL_LIMIT_MS) reportViolation(`a like was refused after ${likes.slowest} ms`)
    const failed = statuses.filter((status) => status !== 200)
    if (failed.length > 0)
      reportViolation(`${failed.length} of ${statuses.length} pages failed: ${failed.join(' ')}`)
    if ((await like(cluster.strangers[0]!, post)) !== 200)
      reportViolation('the post cannot be liked after the lock is released')
    addRemark(
      `${statuses.length - failed.length} of ${statuses.length} pages 200; ${likes.refused} likes refused`,
    )
  },
}

async function newPost({ authors }: Cluster): Promise<string> {
  const response = await authors[0]!.client.post('/posts', { body: 'a post that will be locked' })
  return String(response.json.post.id)
}

/** Sends likes at a fixed rate, without waiting for the responses. */
async function likeUntil(people: Person[], post: string, end: number) {
  const likes: Promise<void>[] = []
  const result = { refused: 0, served: 0, slowest: 0 }
  async function attempt(person: Person): Promise<void> {
    const start = Date.now()
    if ((await like(person, post)) === 503) result.refused += 1
    else result.served += 1
    result.slowest = Math.max(result.slowest, Date.now() - start)
  }
  for (let n = 0; Date.now() < end; n++) {
    likes.push(attempt(people[n % people.length]!))
    await pause(1_000 / LIKES_PER_SECOND)
  }
  await Promise.all(likes)
  return result
}

async function like({ client, csrf }: Person, post: string): Promise<number> {
  return (await client.post(`/posts/${post}/like`, {}, { csrf })).status
}

async function readPages({ followers }: Cluster, post: string, end: number): Promise<number[]> {
  const statuses: number[] = []
  const paths = ['/', '/public', `/posts/${post}`, `/users/${followers[0]!.name}`, '/groups']
  await Promise.all(
    followers.map(async ({ client }, n) => {
      for (let round = n; Date.now() < end; round++) {
        statuses.push((await client.get(paths[round % paths.length]!)).status)
        await pause(50)
      }
    }),
  )
  return statuses
}
