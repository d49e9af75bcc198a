import { expect } from 'chai'
import { useDatabase } from '../support/database.ts'
import { client, type TestResponse, type Client } from '../support/http.ts'
import { startInstance, type Instance } from '../support/servers/instance.ts'

/** Things of a person that requests can change: a group with a member, and a post with a comment. */
interface Fixture {
  group: string
  member: string
  post: string
  comment: string
}

interface Limited {
  limit: string
  allowed: number
  /** Whether the instances share the count. */
  shared: boolean
  attempt(person: Client, own: Fixture, n: number): Promise<TestResponse>
}

const limited: Limited[] = [
  {
    limit: 'groups',
    allowed: 2,
    shared: true,
    attempt: (person, { group }, n) => person.post('/groups', { name: `${group}_${n}`, title: 'One more' }),
  },
  {
    limit: 'renames',
    allowed: 2,
    shared: true,
    attempt: (person, { group }, n) => person.post('/settings/profile', { username: `${group}_as_${n}` }),
  },
  {
    limit: 'profiles',
    allowed: 4,
    shared: true,
    attempt: (person, _own, n) => person.post('/settings/profile', { bio: `bio ${n}` }),
  },
  {
    limit: 'edits',
    allowed: 3,
    shared: true,
    attempt: (person, { post, comment }, n) =>
      person.post(n % 2 ? `/posts/${post}/edit` : `/comments/${comment}/edit`, { body: `edit ${n}` }),
  },
  {
    limit: 'joins',
    allowed: 2,
    shared: true,
    attempt: (person, { group }) => person.post(`/groups/${group}/join`),
  },
  {
    limit: 'moderation',
    allowed: 3,
    shared: true,
    attempt: (person, { group, member }) => person.post(`/groups/${group}/members/${member}/owner`),
  },
  {
    limit: 'likes',
    allowed: 3,
    shared: false,
    attempt: (person, { post, comment }, n) =>
      person.post(n % 2 ? `/posts/${post}/like` : `/comments/${comment}/like`),
  },
]

describe('limits on changes', () => {
  const database = useDatabase()
  let one: Instance
  let two: Instance
  let unlimited: Instance
  let count = 0
  before(async () => {
    const numbers = limited.map(({ limit, allowed }) => `${limit}=${allowed}`).join(',')
    const start = (LIMITS: string) => startInstance({ databaseUrl: database.url, env: { LIMITS } })
    ;[one, two, unlimited] = await Promise.all([
      start(`${numbers},signups=0,signins=0`),
      start(`${numbers},signups=0,signins=0`),
      start('off'),
    ])
  })

  /** Registers a person who has not used any limit yet, with a fixture. */
  async function createPerson(): Promise<{ person: Client; own: Fixture }> {
    count += 1
    const [group, member] = [`group${count}`, `member${count}`]
    const person = await client(unlimited.origin).register(`person${count}`)
    await person.post('/groups', { name: group, title: 'A group' })
    await (await client(unlimited.origin).register(member)).post(`/groups/${group}/join`)
    const post = String((await person.post('/posts', { body: 'a post' })).json.post.id)
    const comment = String((await person.post(`/posts/${post}/comments`, { body: 'hello' })).json.comment.id)
    return { person, own: { group, member, post, comment } }
  }

  for (const { limit, allowed, shared, attempt } of limited) {
    it(`answer 429 beyond the limit "${limit}", ${shared ? 'counted across instances' : 'counted per instance'}`, async () => {
      const { person, own } = await createPerson()
      for (let n = 0; n < allowed; n++) {
        const instance = shared && n % 2 ? two : one
        expect((await attempt(person.at(instance.origin), own, n)).status, `attempt ${n}`).to.be.below(300)
      }
      const rejected = await attempt(person.at(one.origin), own, allowed)
      expect(rejected.status).to.equal(429)
      expect(Number(rejected.headers.get('retry-after'))).to.be.within(1, 24 * 60 * 60)
      const elsewhere = await attempt(person.at(two.origin), own, allowed)
      expect(elsewhere.status, 'the other instance').to.equal(shared ? 429 : 200)

      const other = await createPerson()
      const unaffected = await attempt(other.person.at(one.origin), other.own, 0)
      expect(unaffected.status, 'another person').to.be.below(300)
      const unlimitedAnswer = await attempt(person.at(unlimited.origin), own, allowed)
      expect(unlimitedAnswer.status, 'LIMITS=off').to.be.below(300)
    })
  }

  it('do not count attempts with a name that is taken', async () => {
    const { person, own } = await createPerson()
    for (let n = 0; n < 4; n++) {
      const taken = await person.at(one.origin).post('/groups', { name: own.group, title: 'Again' })
      expect(taken.status).to.equal(422)
    }
    const created = await person.at(one.origin).post('/groups', { name: `${own.group}_free`, title: 'Free' })
    expect(created.status).to.equal(201)
  })
})
