import { check } from './case.ts'
import type { Site } from './site.ts'
import type { StreamEvent } from './stream.ts'

/** Writes a post of Ann's and returns its id. */
export async function writePost({ ann }: Site, body = 'a post for conformance'): Promise<string> {
  return String((await ann.post('/posts', { body })).post.id)
}

/** Writes posts of Ann's, one after the other, and returns their ids in this order. */
export async function writePosts(site: Site, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push(await writePost(site, `number ${n}`))
  return ids
}

export const isAbout = (id: string) => (event: StreamEvent) => event.data?.post?.id === id

/** The ids of the posts that were created, in the order of their events. */
export function createdPosts(events: StreamEvent[]): string[] {
  return events
    .filter(({ event, data }) => event === 'post' && data.action === 'created')
    .map(({ data }) => String(data.post.id))
}

/** Throws where an event has no id, or one that is not above the id before it. */
export function checkGrowing(events: StreamEvent[]): void {
  const ids = events.filter(({ event }) => event !== 'beat').map(({ id }) => id)
  for (const [n, id] of ids.entries()) {
    check(id !== undefined, 'an event has no id')
    const before = ids[n - 1]
    check(before === undefined || BigInt(before) < BigInt(id), `id ${id} follows ${before}`)
  }
}
