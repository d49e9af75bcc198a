import { expect } from 'chai'
import type { GroupSummary } from '../../src/shared/pages.ts'
import type { GroupView, Me } from '../../src/shared/views.ts'
import { client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

const html = { accept: 'text/html' }

describe('the pages of a user who owns 130 groups', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people
  /** A post of bob in the group that ann has owned longest. */
  let post: string
  before(async () => {
    await database.query(
      `insert into groups (name, title) select 'own_' || n, 'Own ' || n from generate_series(1, 130) n`,
    )
    await database.query(`
      insert into subscriptions (user_id, feed_id)
      select u.id, g.feed_id from groups g, users u where u.username = 'ann' order by g.id`)
    for (const name of ['own_1', 'own_130']) await bob.post(`/groups/${name}/join`)
    post = (await bob.post('/posts', { body: 'in the oldest group', group: 'own_1' })).json.post.id
    // Adds the post to the feed of bob.
    await bob.post(`/posts/${post}/comments`, { body: 'a comment' })
  })

  const namesOf = (groups: GroupView[]) => groups.map(({ name }) => name)
  const newest = (count: number) => Array.from({ length: count }, (_, n) => `own_${130 - n}`)

  it('name on the home page the 20 groups joined last, with a link to all', async () => {
    const { json } = await ann.get('/')
    expect(namesOf(json.groups)).to.have.members(newest(20))
    expect(json.more_groups).to.equal(true)
    expect((await ann.get('/', html)).text).to.contain('href="/groups?mine=true"')
  })

  it('have no such link on the home page of a user with two groups', async () => {
    const { json } = await bob.get('/')
    expect(namesOf(json.groups)).to.have.members(['own_1', 'own_130'])
    expect(json.more_groups).to.equal(false)
    expect((await bob.get('/', html)).text).not.to.contain('mine=true')
  })

  it('list ten of the own groups at /groups, and all of them at /groups?mine=true', async () => {
    const { json } = await ann.get('/groups')
    expect(namesOf(json.mine)).to.deep.equal(newest(10))
    expect(json.more_mine).to.equal(true)
    expect((await ann.get('/groups', html)).text).to.contain('href="/groups?mine=true"')
    expect((await ann.get(`/groups?mine=true`, html)).text).to.match(/href="\?mine=true&(amp;)?before=/)

    const names: string[] = []
    for (let path: string | null = '/groups?mine=true'; path !== null;) {
      const page = (await ann.get(path)).json as { groups: GroupSummary[]; before: string | null }
      expect(page.groups.length).to.be.at.most(10)
      expect(page.groups.every(({ owner }) => owner)).to.equal(true)
      names.push(...namesOf(page.groups))
      path = page.before && `/groups?mine=true&before=${encodeURIComponent(page.before)}`
    }
    expect(names).to.deep.equal(newest(130))
  })

  it('require a session for the list of the own groups', async () => {
    expect((await guest.get('/groups?mine=true')).status).to.equal(401)
    expect((await guest.get('/groups?mine=true', html)).location).to.match(/^\/login/)
  })

  it('contain the ids of at most 100 owned groups, and of those whose posts they show', async () => {
    const ownsOn = async (path: string) => {
      const [, data = ''] = /data-me="([^"]*)"/.exec((await ann.get(path, html)).text) ?? []
      return (JSON.parse(data.replaceAll('&quot;', '"')) as Me).owns
    }
    expect(await ownsOn('/settings/sessions')).to.have.length(100)
    for (const path of [
      '/',
      '/public',
      '/users/bob',
      '/groups/own_1',
      `/posts/${post}`,
      `/posts/${post}/comments`,
    ]) {
      expect(await ownsOn(path), path).to.have.length(101)
    }
  })

  it('offer to delete a post in any of these groups, but only to the owner', async () => {
    const link = `href="/posts/${post}/delete"`
    for (const path of ['/', '/public', '/users/bob', '/groups/own_1', `/posts/${post}`]) {
      expect((await ann.get(path, html)).text, path).to.contain(link)
    }
    const carol = await client(guest.origin).register('carol')
    expect((await carol.get(`/posts/${post}`, html)).text).not.to.contain(link)
  })
})
