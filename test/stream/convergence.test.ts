import { expect } from 'chai'
import fc from 'fast-check'
import type { Client } from '../support/http.ts'
import { eventually } from '../support/eventually.ts'
import { openLivePage, type LivePage } from '../support/streams/live-page.ts'
import { record, type RecordingClient } from '../support/streams/recording-client.ts'
import { useSite } from '../support/site.ts'

const names = ['ann', 'bob', 'cleo', 'dan']

/** One request of a person. `n` chooses among the newest posts and comments. */
interface Action {
  userIndex: number
  kind:
    | 'post'
    | 'edit'
    | 'delete'
    | 'comment'
    | 'edit comment'
    | 'delete comment'
    | 'like'
    | 'unlike'
    | 'like comment'
    | 'unlike comment'
    | 'follow'
    | 'unfollow'
    | 'join'
    | 'leave'
    | 'accept'
    | 'remove'
    | 'read'
  n: number
  groupName: 'open' | 'closed' | null
}

const action: fc.Arbitrary<Action> = fc.record({
  userIndex: fc.nat({ max: names.length - 1 }),
  kind: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom<Action['kind']>(
        'post',
        'comment',
        'comment',
        'like',
        'like',
        'like comment',
      ),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Action['kind']>(
        'unlike',
        'unlike comment',
        'edit',
        'edit comment',
        'delete comment',
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom<Action['kind']>('delete', 'follow', 'unfollow') },
    { weight: 4, arbitrary: fc.constantFrom<Action['kind']>('join', 'accept', 'accept', 'leave', 'remove') },
    { weight: 3, arbitrary: fc.constant<Action['kind']>('read') },
  ),
  // Mostly small numbers, so that many actions change the same post.
  n: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 14 }) }),
  groupName: fc.constantFrom(null, 'open' as const, 'closed' as const, 'closed' as const),
})

/** The posts that one event or page showed to a person. */
interface Received {
  userIndex: number
  source: string
  seq: number
  posts: string[]
}

describe('a page that applies its stream', () => {
  const site = useSite({ people: names, instances: 2 })
  const { database } = site
  const people = Object.values(site.people)
  /** Streams of all kinds and the pages that people read, over all runs. */
  let recorders: { userIndex: number; path: string; recorder: RecordingClient }[]
  const pagesRead: Received[] = []

  before(async () => {
    for (const [i, person] of people.entries()) {
      await person.post(`/users/${names[(i + 1) % names.length]}/follow`)
      for (let n = 0; n < 6; n++) await person.post('/posts', { body: `${names[i]} ${n}` })
    }
    await people[0]!.post('/groups', { name: 'open', title: 'Open' })
    await owner().post('/groups', { name: 'closed', title: 'Closed', visibility: 'private' })
    await act({ userIndex: 2, kind: 'accept', n: 0, groupName: 'closed' })
    recorders = people.flatMap((person, userIndex) =>
      ['/stream', '/public/stream', '/groups/open/stream', '/groups/closed/stream', '/users/bob/stream'].map(
        (path) => ({ userIndex, path, recorder: record(person, path) }),
      ),
    )
  })

  after(() => Promise.all(recorders.map(({ recorder }) => recorder.stop())))

  /** The owner of the private group. */
  const owner = (): Client => people[1]!

  it('shows the same as a reload, whatever people do on two instances', async () => {
    let runs = 0
    let events = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(action, { minLength: 2, maxLength: 8 }), { minLength: 8, maxLength: 16 }),
        async (bursts) => {
          runs += 1
          const pages = await Promise.all(people.map((person) => openLivePage(person)))
          try {
            for (const burst of bursts) {
              const statuses = await Promise.all(burst.map((one) => act(one)))
              events += statuses.length
              expect(statuses.filter((status) => status >= 500)).to.deep.equal([])
            }
            await waitUntilCurrent(pages, `mark ${runs}`)
            for (const [i, page] of pages.entries()) {
              const [built, reloaded] = [page.posts(), await page.reload()].map((posts) =>
                posts.filter(notLast),
              )
              expect(built, `${names[i]}’s page`).to.deep.equal(reloaded)
              expect(built).not.to.be.empty
            }
          } finally {
            for (const page of pages) page.close()
          }
        },
      ),
      { numRuns: 8, endOnFailure: true },
    )
    expect(events).to.be.greaterThan(100)
  })

  it('shows no post of a private group to a person who was not a member at that event', async () => {
    await postToMembers()
    await Promise.all(recorders.map(({ recorder }) => recorder.stop()))
    const frames = recorders.flatMap(({ userIndex, path, recorder }) =>
      recorder
        .events()
        .filter(({ data }) => data?.post)
        .map(({ id, data }): Received => ({
          userIndex,
          source: path,
          seq: Number(id),
          posts: [data.post.id],
        })),
    )
    const hidden = await privatePosts()
    const memberships = await membershipsInTheLog()
    const shown = [...frames, ...pagesRead].flatMap(({ posts, ...rest }) =>
      posts.filter((post) => hidden.has(post)).map((post) => ({ ...rest, post })),
    )
    expect(shown.filter(({ userIndex, seq }) => !memberships.isMember(userIndex, seq))).to.deep.equal([])
    // The check means something only if members received posts, and if memberships changed.
    const count = (matches: (one: Omit<Received, 'posts'>) => boolean) => shown.filter(matches).length
    expect(count(({ source }) => source === '/stream')).to.be.greaterThan(5)
    expect(count(({ source }) => source === '/groups/closed/stream')).to.be.greaterThan(5)
    expect(count(({ source }) => source.startsWith('page'))).to.be.greaterThan(3)
    expect(new Set(shown.map(({ userIndex }) => userIndex)).size).to.be.greaterThan(1)
    expect(memberships.changes).to.be.greaterThan(10)
    expect(recorders.some(({ recorder }) => recorder.refusals() > 0)).to.equal(true)
  })

  /** Makes sure, whatever the random actions did, that the owner and Cleo receive posts as members. */
  async function postToMembers(): Promise<void> {
    const membership = { userIndex: 2, n: 2, groupName: 'closed' as const }
    for (let n = 0; n < 6; n++) {
      await act({ ...membership, kind: 'accept' })
      await owner().post('/posts', { body: `a post to members, ${n}`, group: 'closed' })
      for (const userIndex of [1, 2]) await act({ ...membership, userIndex, kind: 'read' })
      await act({ ...membership, kind: 'remove' })
    }
    for (const { userIndex, path, recorder } of recorders) {
      if (userIndex !== 1 || !['/stream', '/groups/closed/stream'].includes(path)) continue
      const received = () =>
        recorder.events().filter(({ data }) => /a post to members/.test(data?.post?.body ?? ''))
      await eventually(
        () => received().length,
        (count) => count === 6,
      )
    }
  }

  async function act({ userIndex, kind, n, groupName }: Action): Promise<number> {
    const person = kind === 'accept' || kind === 'remove' ? owner() : people[userIndex]!
    const name = names[n % names.length]
    const group = groupName ?? 'closed'
    const pick = async (table: 'posts' | 'comments'): Promise<string> => {
      const [row] = await database.query<{ id: string }>(
        `select id from ${table} order by id desc offset $1 limit 1`,
        [n],
      )
      return row?.id ?? '999999999'
    }
    const paths: Record<Action['kind'], () => Promise<string>> = {
      post: async () => '/posts',
      edit: async () => `/posts/${await pick('posts')}/edit`,
      delete: async () => `/posts/${await pick('posts')}/delete`,
      comment: async () => `/posts/${await pick('posts')}/comments`,
      'edit comment': async () => `/comments/${await pick('comments')}/edit`,
      'delete comment': async () => `/comments/${await pick('comments')}/delete`,
      like: async () => `/posts/${await pick('posts')}/like`,
      unlike: async () => `/posts/${await pick('posts')}/unlike`,
      'like comment': async () => `/comments/${await pick('comments')}/like`,
      'unlike comment': async () => `/comments/${await pick('comments')}/unlike`,
      follow: async () => `/users/${name}/follow`,
      unfollow: async () => `/users/${name}/unfollow`,
      join: async () => `/groups/${group}/join`,
      leave: async () => `/groups/${group}/leave`,
      accept: async () => `/groups/closed/requests/${names[userIndex]}/accept`,
      remove: async () => `/groups/closed/members/${names[userIndex]}/remove`,
      read: async () =>
        ['/', '/public', `/groups/${group}`, `/users/${name}`, `/posts/${await pick('posts')}`][n % 5]!,
    }
    if (kind === 'accept') await people[userIndex]!.post('/groups/closed/join')
    const path = await paths[kind]()
    if (kind === 'read') {
      const { status, json } = await person.get(path)
      if (status === 200) {
        const posts = (json.posts ?? [json.post]).map((post: { id: string }) => post.id)
        pagesRead.push({ userIndex, source: `page ${path}`, seq: Number(json.seq), posts })
      }
      return status
    }
    return (
      await person.post(path, {
        body: `${kind} by ${names[userIndex]}`,
        group: kind === 'post' ? groupName : null,
      })
    ).status
  }

  /** Reads from the log every post that was ever in the private group, including deleted ones. */
  async function privatePosts(): Promise<Set<string>> {
    const rows = await database.query<{ id: string }>(
      "select distinct payload #>> '{post,id}' as id from log where payload #>> '{post,group,visibility}' = 'private'",
    )
    return new Set(rows.map(({ id }) => id))
  }

  /** Reads from the log who was a member of the private group at which event. */
  async function membershipsInTheLog() {
    const rows = await database.query<{ seq: string; username: string; made: boolean }>(
      `select l.seq, u.username, l.payload ->> 'action' = 'made' as made
       from log l
       join users u on l.topics = array['user:' || u.id]
       join groups g on g.feed_id::text = l.payload ->> 'feed'
       where l.event = 'subscription' and g.name = 'closed'
       order by l.seq`,
    )
    return {
      changes: rows.length,
      isMember: (userIndex: number, seq: number): boolean =>
        rows.findLast((row) => row.username === names[userIndex] && Number(row.seq) <= seq)?.made ?? false,
    }
  }

  /** Waits until all pages are current: a person who has received their second post has received all first posts. */
  async function waitUntilCurrent(pages: LivePage[], mark: string): Promise<void> {
    for (const person of people) await person.post('/posts', { body: mark })
    for (const [i, person] of people.entries())
      await person.post('/posts', { body: `last of ${names[i]}, ${mark}` })
    await Promise.all(pages.map((page, i) => page.shows(`last of ${names[i]}, ${mark}`)))
  }

  const notLast = ({ body }: { body: string }): boolean => !body.startsWith('last of')
})
