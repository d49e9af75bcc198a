import { expect } from 'chai'
import fc from 'fast-check'
import { useDatabase } from '../support/database.ts'
import { client, type Client } from '../support/http.ts'
import { startInstance } from '../support/instance.ts'
import { openLivePage, type LivePage } from '../support/live-page.ts'

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
    | 'follow'
    | 'unfollow'
  n: number
}

const action: fc.Arbitrary<Action> = fc.record({
  who: fc.nat({ max: names.length - 1 }),
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom<Action['what']>('post', 'comment', 'comment', 'like', 'like') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Action['what']>('unlike', 'edit', 'edit comment', 'delete comment'),
    },
    { weight: 1, arbitrary: fc.constantFrom<Action['what']>('delete', 'follow', 'unfollow') },
  ),
  // Small numbers again and again: bursts at the same post.
  n: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 14 }) }),
})

describe('what the stream built up', () => {
  const database = useDatabase()
  let people: Client[]

  before(async () => {
    const instances = await Promise.all([0, 1].map(() => startInstance({ databaseUrl: database.url })))
    people = await Promise.all(names.map((name, i) => client(instances[i % 2]!.origin).register(name)))
    for (const [i, person] of people.entries()) {
      await person.post(`/users/${names[(i + 1) % names.length]}/follow`)
      for (let n = 0; n < 6; n++) await person.post('/posts', { body: `${names[i]} ${n}` })
    }
  })

  it('is what a reload shows, whatever people do on two instances', async () => {
    let runs = 0
    let events = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(action, { minLength: 1, maxLength: 8 }), { minLength: 8, maxLength: 16 }),
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

  async function act({ who, what, n }: Action): Promise<number> {
    const person = people[who]!
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
      follow: async () => `/users/${names[n % names.length]}/follow`,
      unfollow: async () => `/users/${names[n % names.length]}/unfollow`,
    }
    return (await person.post(await paths[what](), { body: `${what} by ${names[who]}` })).status
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
