import { expect } from 'chai'
import { useSite } from '../support/site.ts'
import { client, type Client } from '../support/http.ts'

describe('suggestions of people to follow', () => {
  const { guest } = useSite()
  const people: Record<string, Client> = {}
  before(async () => {
    for (const name of ['quiet', 'active', 'ann', 'bob', 'carl']) {
      people[name] = await client(guest.origin).register(name)
    }
    for (const body of ['one', 'two', 'three']) await people.active!.post('/posts', { body })
    await people.bob!.post('/posts', { body: 'only one' })
  })
  const suggested = async (name: string) =>
    (await people[name]!.get('/')).json.people.map((p: { username: string; friends: number }) => [
      p.username,
      p.friends,
    ])

  it('show the most active people first, above the feed, to a user who follows nobody', async () => {
    expect((await suggested('ann')).map(([name]: [string]) => name)).to.deep.equal([
      'active',
      'bob',
      'carl',
      'quiet',
    ])
    const page = (await people.ann!.get('/', { accept: 'text/html' })).text
    expect(page.indexOf('People to follow')).to.be.greaterThan(0).and.lessThan(page.indexOf('<aside'))
  })

  it('show the people whom most followed people follow first, beside the feed', async () => {
    await people.bob!.post('/users/quiet/follow')
    await people.carl!.post('/users/quiet/follow')
    await people.carl!.post('/users/active/follow')
    await people.ann!.post('/users/bob/follow')
    await people.ann!.post('/users/carl/follow')
    expect(await suggested('ann')).to.deep.equal([
      ['quiet', 2],
      ['active', 1],
    ])
    const page = (await people.ann!.get('/', { accept: 'text/html' })).text
    expect(page.indexOf('followed by 2 people you follow')).to.be.greaterThan(page.indexOf('<aside'))
  })

  it('contain neither the user nor people whom the user follows', async () => {
    await people.ann!.post('/users/quiet/follow')
    expect(await suggested('ann')).to.deep.equal([['active', 1]])
  })
})
