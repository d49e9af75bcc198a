import { expect } from 'chai'
import fc from 'fast-check'
import { useDatabase } from '../support/database.ts'
import { client, type Client } from '../support/http.ts'
import { eventually } from '../support/eventually.ts'
import { startInstance } from '../support/instance.ts'
import { openLivePage, type LivePage } from '../support/live-page.ts'
import { record, type RecordingClient } from '../support/recording-client.ts'

const names = ['ann', 'bob', 'cleo', 'dan']

/** One thing that somebody does; `n` picks among the newest posts and comments. */
interface Action {
  who: number
  what:
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
    | 'let in'
    | 'remove'
    | 'look'
  n: number
  where: 'open' | 'closed' | null
}

const action: fc.Arbitrary<Action> = fc.record({
  who: fc.nat({ max: names.length - 1 }),
  what: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom<Action['what']>(
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
      arbitrary: fc.constantFrom<Action['what']>(
        'unlike',
        'unlike comment',
        'edit',
        'edit comment',
        'delete comment',
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom<Action['what']>('delete', 'follow', 'unfollow') },
    { weight: 4, arbitrary: fc.constantFrom<Action['what']>('join', 'let in', 'let in', 'leave', 'remove') },
    { weight: 3, arbitrary: fc.constant<Action['what']>('look') },
  ),
  // Small numbers again and again: bursts at the same post.
  n: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 14 }) }),
  where: fc.constantFrom(null, 'open' as const, 'closed' as const, 'closed' as const),
})

/** A page that somebody got, and the posts of others' groups that a frame or a page told them of. */
interface Told {
  who: number
  how: string
  seq: number
  posts: string[]
}

describe('what the stream built up', () => {
  const database = useDatabase()
  let people: Client[]
  /** Streams of all kinds, and pages that somebody looked at, over all runs. */
  let recorders: { who: number; path: string; recorder: RecordingClient }[]
  const looks: Told[] = []

  before(async () => {
    const instances = await Promise.all([0, 1].map(() => startInstance({ databaseUrl: database.url })))
    people = await Promise.all(names.map((name, i) => client(instances[i % 2]!.origin).register(name)))
    for (const [i, person] of people.entries()) {
      await person.post(`/users/${names[(i + 1) % names.length]}/follow`)
      for (let n = 0; n < 6; n++) await person.post('/posts', { body: `${names[i]} ${n}` })
    }
    await people[0]!.post('/groups', { name: 'open', title: 'Open' })
    await owner().post('/groups', { name: 'closed', title: 'Closed', visibility: 'private' })
    await act({ who: 2, what: 'let in', n: 0, where: 'closed' })
    recorders = people.flatMap((person, who) =>
      ['/stream', '/public/stream', '/groups/open/stream', '/groups/closed/stream', '/users/bob/stream'].map(
        (path) => ({ who, path, recorder: record(person, path) }),
      ),
    )
  })

  after(() => Promise.all(recorders.map(({ recorder }) => recorder.stop())))

  /** Of the private group. */
  const owner = (): Client => people[1]!

  it('is what a reload shows, whatever people do on two instances', async () => {
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
              const answers = await Promise.all(burst.map((one) => act(one)))
              events += answers.length
              expect(answers.filter((status) => status >= 500)).to.deep.equal([])
            }
            await settle(pages, `mark ${runs}`)
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

  it('and nobody was ever told what they might not see at that very event', async () => {
    await tellMembers()
    await Promise.all(recorders.map(({ recorder }) => recorder.stop()))
    const frames = recorders.flatMap(({ who, path, recorder }) =>
      recorder
        .events()
        .filter(({ data }) => data?.post)
        .map(({ id, data }): Told => ({ who, how: path, seq: Number(id), posts: [data.post.id] })),
    )
    const guarded = await privatePosts()
    const memberships = await membershipsInTheLog()
    const told = [...frames, ...looks].flatMap(({ posts, ...rest }) =>
      posts.filter((post) => guarded.has(post)).map((post) => ({ ...rest, post })),
    )
    expect(told.filter(({ who, seq }) => !memberships.held(who, seq))).to.deep.equal([])
    // It means something only where members were told, and where there were times at which others were not.
    const count = (fits: (one: { who: number; how: string }) => boolean) => told.filter(fits).length
    expect(count(({ how }) => how === '/stream')).to.be.greaterThan(5)
    expect(count(({ how }) => how === '/groups/closed/stream')).to.be.greaterThan(5)
    expect(count(({ how }) => how.startsWith('page'))).to.be.greaterThan(3)
    expect(new Set(told.map(({ who }) => who)).size).to.be.greaterThan(1)
    expect(memberships.changes).to.be.greaterThan(10)
    expect(recorders.some(({ recorder }) => recorder.refusals() > 0)).to.equal(true)
  })

  /** Whatever chance did: the owner is always a member, and Cleo is one for a while. */
  async function tellMembers(): Promise<void> {
    const membership = { who: 2, n: 2, where: 'closed' as const }
    for (let n = 0; n < 6; n++) {
      await act({ ...membership, what: 'let in' })
      await owner().post('/posts', { body: `a word to members, ${n}`, group: 'closed' })
      for (const who of [1, 2]) await act({ ...membership, who, what: 'look' })
      await act({ ...membership, what: 'remove' })
    }
    for (const { who, path, recorder } of recorders) {
      if (who !== 1 || !['/stream', '/groups/closed/stream'].includes(path)) continue
      const heard = () =>
        recorder.events().filter(({ data }) => /a word to members/.test(data?.post?.body ?? ''))
      await eventually(
        () => heard().length,
        (count) => count === 6,
      )
    }
  }

  async function act({ who, what, n, where }: Action): Promise<number> {
    const person = what === 'let in' || what === 'remove' ? owner() : people[who]!
    const name = names[n % names.length]
    const group = where ?? 'closed'
    const pick = async (table: 'posts' | 'comments'): Promise<string> => {
      const [row] = await database.query<{ id: string }>(
        `select id from ${table} order by id desc offset $1 limit 1`,
        [n],
      )
      return row?.id ?? '999999999'
    }
    const paths: Record<Action['what'], () => Promise<string>> = {
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
      'let in': async () => `/groups/closed/requests/${names[who]}/accept`,
      remove: async () => `/groups/closed/members/${names[who]}/remove`,
      look: async () =>
        ['/', '/public', `/groups/${group}`, `/users/${name}`, `/posts/${await pick('posts')}`][n % 5]!,
    }
    if (what === 'let in') await people[who]!.post('/groups/closed/join')
    const path = await paths[what]()
    if (what === 'look') {
      const { status, json } = await person.get(path)
      if (status === 200) {
        const posts = (json.posts ?? [json.post]).map((post: { id: string }) => post.id)
        looks.push({ who, how: `page ${path}`, seq: Number(json.seq), posts })
      }
      return status
    }
    return (
      await person.post(path, { body: `${what} by ${names[who]}`, group: what === 'post' ? where : null })
    ).status
  }

  /** Every post that was ever in the private group, as the log knows them: many are deleted by now. */
  async function privatePosts(): Promise<Set<string>> {
    const rows = await database.query<{ id: string }>(
      "select distinct payload #>> '{post,id}' as id from log where payload #>> '{post,group,visibility}' = 'private'",
    )
    return new Set(rows.map(({ id }) => id))
  }

  /** Who was in the private group at which event. */
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
      held: (who: number, seq: number): boolean =>
        rows.findLast((row) => row.username === names[who] && Number(row.seq) <= seq)?.made ?? false,
    }
  }

  /** Everybody posts twice: who has seen their own second post has seen everything up to everybody's first. */
  async function settle(pages: LivePage[], mark: string): Promise<void> {
    for (const person of people) await person.post('/posts', { body: mark })
    for (const [i, person] of people.entries())
      await person.post('/posts', { body: `last of ${names[i]}, ${mark}` })
    await Promise.all(pages.map((page, i) => page.shows(`last of ${names[i]}, ${mark}`)))
  }

  const notLast = ({ body }: { body: string }): boolean => !body.startsWith('last of')
})
