import { pause, type Cluster, type Person } from '../cluster.ts'
import type { Fault } from '../run.ts'

const LIKES_PER_SECOND = 50
const REFUSED_WITHIN_MS = 5_000

/** One post is locked in psql while people like it: all pages and all other writes are served. */
export const rowLocked: Fault = {
  name: 'a row is locked',
  hold: { long: 20_000, short: 3_000 },
  async happen(scene) {
    const { cluster, hold, breach, note } = scene
    const post = await newPost(cluster)
    const psql = await cluster.postgres.connect()
    await psql.query('begin')
    await psql.query('select from posts where id = $1 for update', [post])
    const end = Date.now() + hold
    const pages = readPages(cluster, post, end)
    const likes = await likeUntil(cluster.strangers, post, end)
    const statuses = await pages
    await psql.query('commit')
    await psql.end()

    if (likes.served > 0) breach(`${likes.served} likes of the locked post were answered`)
    if (likes.slowest > REFUSED_WITHIN_MS) breach(`a like was refused after ${likes.slowest} ms`)
    const failed = statuses.filter((status) => status !== 200)
    if (failed.length > 0) breach(`${failed.length} of ${statuses.length} pages failed: ${failed.join(' ')}`)
    if ((await like(cluster.strangers[0]!, post)) !== 200)
      breach('the post takes no like once it is unlocked')
    note(`${statuses.length - failed.length} of ${statuses.length} pages 200; ${likes.refused} likes refused`)
  },
}

async function newPost({ authors }: Cluster): Promise<string> {
  const answer = await authors[0]!.client.post('/posts', { body: 'a post that will be locked' })
  return String(answer.json.post.id)
}

/** Requests at a fixed rate, whether the earlier ones are answered or not. */
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
