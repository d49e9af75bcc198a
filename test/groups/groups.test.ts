import { expect } from 'chai'
import type { GroupSummary } from '../../src/shared/pages.ts'
import { client, type Client } from '../support/http.ts'
import { openStream } from '../support/streams/sse.ts'
import { useSite } from '../support/site.ts'

describe('groups', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob', 'cleo'] })
  const { ann, bob, cleo } = people

  const html = { accept: 'text/html' } as const
  const form = { type: 'form' } as const
  let count = 0
  async function createGroup(visibility: 'public' | 'private', by = ann): Promise<string> {
    const name = `group_${++count}`
    const answer = await by.post('/groups', { name, title: `Group ${count}`, visibility })
    expect(answer.status).to.equal(201)
    return name
  }
  async function admit(name: string, person: Client, username: string): Promise<void> {
    expect((await person.post(`/groups/${name}/join`)).status).to.equal(200)
    expect((await ann.post(`/groups/${name}/requests/${username}/accept`)).status).to.equal(200)
  }
  async function membersOf(name: string, by = ann): Promise<string[]> {
    const { people } = (await by.get(`/groups/${name}/members`)).json
    return people.map((person: { username: string }) => person.username).toSorted()
  }
  const bodies = ({ json }: { json: { posts: { body: string }[] } }) => json.posts.map((post) => post.body)

  describe('that are created', () => {
    it('have their creator as first member and owner', async () => {
      const answer = await ann.post('/groups', {
        name: 'Birders',
        title: 'Birds & co',
        description: 'What we saw.',
      })
      expect(answer.status).to.equal(201)
      expect(answer.json.group).to.include({
        name: 'birders',
        title: 'Birds & co',
        description: 'What we saw.',
        visibility: 'public',
        members: 1,
        member: true,
        owner: true,
        requested: false,
      })
      expect(await membersOf('birders')).to.deep.equal(['ann'])
    })

    it('can be created by form; a rejected form keeps what was typed', async () => {
      expect((await ann.get('/groups/new', html)).text).to.contain('action="/groups"')
      const rejected = await ann.post('/groups', { name: 'x', title: 'Kept & shown' }, form)
      expect(rejected.status).to.equal(422)
      expect(rejected.text).to.contain('3 to 15 letters').and.to.contain('Kept &amp; shown')
      const created = await ann.post(
        '/groups',
        { name: 'by_form', title: 'By form', visibility: 'private' },
        form,
      )
      expect(created).to.include({ status: 303, location: '/groups/by_form' })
    })

    it('cannot have a name that is malformed, reserved, or taken by a user or a group', async () => {
      for (const name of [
        'birders',
        'BIRDERS',
        'bob',
        'admin',
        'new',
        'a',
        'a b',
        'ünlaut',
        'x'.repeat(16),
      ]) {
        const answer = await bob.post('/groups', { name, title: 'T' })
        expect([name, answer.status]).to.deep.equal([name, 422])
        expect(answer.json.error.fields).to.have.all.keys('name')
      }
      expect(
        (await guest.post('/register', { username: 'birders', password: 'long enough' })).status,
      ).to.equal(422)
    })

    it('cannot have an empty title, text that is too long or not text, or an unknown visibility', async () => {
      for (const [field, value] of [
        ['title', ''],
        ['title', 'x'.repeat(81)],
        ['title', ['a']],
        ['description', 'x'.repeat(1001)],
        ['description', 'a\0b'],
        ['visibility', 'secret'],
      ] as const) {
        const answer = await bob.post('/groups', { name: 'fine_name', title: 'T', [field]: value })
        expect([field, answer.status]).to.deep.equal([field, 422])
        expect(answer.json.error.fields).to.have.all.keys(field)
      }
    })

    it('get one of several concurrent requests for the same name', async () => {
      const answers = await Promise.all(
        [ann, bob, cleo].map((by) => by.post('/groups', { name: 'both', title: 'T' })),
      )
      expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([201, 422, 422])
    })

    it('need a signed-in creator', async () => {
      expect((await guest.post('/groups', { name: 'guests', title: 'T' })).status).to.equal(401)
      expect((await guest.get('/groups/new', html)).location).to.equal('/login?next=%2Fgroups%2Fnew')
    })
  })

  it('are listed: public ones for everybody, ten per page, and those of the viewer', async () => {
    const open = await createGroup('public')
    const closed = await createGroup('private')
    const mine = (await ann.get('/groups')).json.mine as GroupSummary[]
    expect(mine.map(({ name }) => name)).to.include.members([open, closed])
    for (const reader of [bob, guest]) {
      const { json } = await reader.get('/groups')
      expect(json.groups.map(({ name }: GroupSummary) => name)).to.include(open)
      expect(JSON.stringify(json)).to.not.contain(closed)
      expect((await reader.get('/groups', html)).text)
        .to.contain(open)
        .and.not.to.contain(closed)
    }
    await database.query(
      "insert into groups (name, title) select 'many_' || n, 'Many' from generate_series(1, 12) n",
    )
    const names: string[] = []
    for (let path: string | null = '/groups'; path !== null;) {
      const { json } = await guest.get(path)
      expect(json.groups.length).to.be.at.most(10)
      names.push(...json.groups.map(({ name }: GroupSummary) => name))
      path = json.before && `/groups?before=${encodeURIComponent(json.before)}`
    }
    expect(new Set(names).size).to.equal(names.length)
    expect(names.slice(0, 12)).to.have.members(Array.from({ length: 12 }, (_, i) => `many_${i + 1}`))
  })

  it('are on the page of groups once: those of the viewer are not among the others', async () => {
    const group = await createGroup('public')
    const count = async (reader: Client) =>
      (await reader.get('/groups', html)).text.split(`<a class="name" dir="auto" href="/groups/${group}">`)
        .length - 1
    expect(await count(ann)).to.equal(1)
    expect(await count(bob)).to.equal(1)
  })

  describe('that are public', () => {
    it('can be joined and left at once; only members can post', async () => {
      const group = await createGroup('public')
      const rejected = await bob.post('/posts', { body: 'not yet', group })
      expect([rejected.status, rejected.json.error.fields.group]).to.deep.equal([
        422,
        'Only members can post to this group',
      ])
      expect((await bob.post(`/groups/${group}/join`)).json.group).to.include({ member: true, owner: false })
      expect((await bob.post(`/groups/${group}/join`)).status).to.equal(200)
      expect(await membersOf(group, guest)).to.deep.equal(['ann', 'bob'])
      const { post } = (await bob.post('/posts', { body: 'hello group', group })).json
      expect(post.group).to.include({ name: group })
      expect(bodies(await guest.get(`/groups/${group}`))).to.deep.equal(['hello group'])
      expect(bodies(await ann.get('/'))).to.include('hello group')
      expect(bodies(await cleo.get('/'))).to.not.include('hello group')
      expect((await bob.post(`/groups/${group}/leave`)).json.group).to.include({ member: false })
      expect((await bob.post('/posts', { body: 'no more', group })).status).to.equal(422)
      expect(bodies(await bob.get('/'))).to.not.include('hello group')
    })

    it('work by form, on the page of the group and in the composer of the home page', async () => {
      const group = await createGroup('public')
      const joined = await bob.post(`/groups/${group}/join`, { next: `/groups/${group}` }, form)
      expect(joined).to.include({ status: 303, location: `/groups/${group}` })
      const page = (await bob.get(`/groups/${group}`, html)).text
      expect(page).to.contain(`name="group" value="${group}"`).and.to.contain('You joined')
      expect((await bob.get('/', html)).text).to.contain(`<option value="${group}">`)
      const posted = await bob.post('/posts', { body: 'by form', group, next: `/groups/${group}` }, form)
      expect(posted).to.include({ status: 303, location: `/groups/${group}` })
      expect((await guest.get(`/groups/${group}`, html)).text).to.contain('by form')
      const again = await cleo.post('/posts', { body: 'kept', group }, form)
      expect(again.status).to.equal(422)
      expect(again.text).to.contain('kept').and.to.contain('Only members').and.to.contain(`value="${group}"`)
    })

    it('get 404 for a name that does not exist', async () => {
      for (const name of ['none_here', 'x', 'a%00b', 'bob']) {
        for (const path of ['', '/members', '/requests']) {
          expect((await ann.get(`/groups/${name}${path}`)).status, name + path).to.equal(404)
        }
        for (const path of ['join', 'leave', 'members/bob/remove']) {
          expect((await ann.post(`/groups/${name}/${path}`)).status, name + path).to.equal(404)
        }
      }
    })
  })

  describe('that are private', () => {
    it('get members by a request that an owner accepts', async () => {
      const group = await createGroup('private')
      expect((await bob.post(`/groups/${group}/join`)).json.group).to.include({
        member: false,
        requested: true,
      })
      expect((await bob.post(`/groups/${group}/join`)).status).to.equal(200)
      expect((await bob.post('/posts', { body: 'not yet', group })).status).to.equal(404)
      expect((await ann.get(`/groups/${group}`)).json.group).to.include({ requests: 1, members: 1 })
      const { people } = (await ann.get(`/groups/${group}/requests`)).json
      expect(people.map((person: { username: string }) => person.username)).to.deep.equal(['bob'])
      expect((await ann.get(`/groups/${group}/requests`, html)).text).to.contain('Accept')
      const accepted = await ann.post(`/groups/${group}/requests/bob/accept`, {}, form)
      expect(accepted).to.include({ status: 303, location: `/groups/${group}/requests` })
      expect(await membersOf(group, bob)).to.deep.equal(['ann', 'bob'])
      expect((await ann.get(`/groups/${group}`)).json.group).to.include({ requests: 0, members: 2 })
      expect((await bob.post('/posts', { body: 'inside', group })).status).to.equal(201)
      expect((await ann.post(`/groups/${group}/requests/bob/accept`)).status).to.equal(404)
    })

    it('do not get members by a request that is declined or withdrawn', async () => {
      const group = await createGroup('private')
      await bob.post(`/groups/${group}/join`)
      expect((await ann.post(`/groups/${group}/requests/bob/refuse`)).status).to.equal(200)
      await cleo.post(`/groups/${group}/join`)
      expect((await cleo.post(`/groups/${group}/leave`)).json.group).to.include({ requested: false })
      expect((await ann.get(`/groups/${group}/requests`)).json.people).to.deep.equal([])
      expect((await ann.post(`/groups/${group}/requests/cleo/accept`)).status).to.equal(404)
      expect(await membersOf(group)).to.deep.equal(['ann'])
    })

    it('let only owners answer requests and change members', async () => {
      const group = await createGroup('private')
      await admit(group, cleo, 'cleo')
      await bob.post(`/groups/${group}/join`)
      for (const path of [
        'requests/bob/accept',
        'requests/bob/refuse',
        'members/ann/remove',
        'members/bob/owner',
      ]) {
        expect([path, (await cleo.post(`/groups/${group}/${path}`)).status]).to.deep.equal([path, 403])
        expect([path, (await bob.post(`/groups/${group}/${path}`)).status]).to.deep.equal([path, 404])
        expect([path, (await guest.post(`/groups/${group}/${path}`)).status]).to.deep.equal([path, 401])
      }
      expect((await cleo.get(`/groups/${group}/requests`)).status).to.equal(403)
      expect((await bob.get(`/groups/${group}/requests`)).status).to.equal(404)
      expect(await membersOf(group)).to.deep.equal(['ann', 'cleo'])
    })
  })

  describe('owners', () => {
    it('can make members owners; the last owner cannot leave', async () => {
      const group = await createGroup('public')
      await bob.post(`/groups/${group}/join`)
      const stuck = await ann.post(`/groups/${group}/leave`)
      expect([stuck.status, stuck.json.error.message]).to.deep.equal([
        422,
        'The group needs an owner. Make another member an owner before you leave.',
      ])
      expect((await ann.post(`/groups/${group}/leave`, {}, form)).text).to.contain('needs an owner')
      expect((await ann.post(`/groups/${group}/members/cleo/owner`)).status, 'not a member').to.equal(404)
      expect((await ann.post(`/groups/${group}/members/bob/owner`)).status).to.equal(200)
      expect((await bob.get(`/groups/${group}`)).json.group).to.include({ owner: true })
      expect((await ann.post(`/groups/${group}/leave`)).status).to.equal(200)
      expect((await bob.post(`/groups/${group}/leave`)).status).to.equal(422)
      expect((await ann.get(`/groups/${group}`)).json.group).to.include({ owner: false, member: false })
    })

    it('cannot all leave at the same time: one stays', async () => {
      const group = await createGroup('public')
      await bob.post(`/groups/${group}/join`)
      await ann.post(`/groups/${group}/members/bob/owner`)
      const answers = await Promise.all([ann, bob].map((by) => by.post(`/groups/${group}/leave`)))
      expect(answers.map(({ status }) => status).toSorted()).to.deep.equal([200, 422])
    })

    it('can remove members, but not owners', async () => {
      const group = await createGroup('public')
      for (const person of [bob, cleo]) await person.post(`/groups/${group}/join`)
      const page = (await ann.get(`/groups/${group}/members`, html)).text
      expect(page).to.contain(`/members/bob/remove`).and.to.contain('Make owner')
      expect((await bob.get(`/groups/${group}/members`, html)).text).to.not.contain('/remove')
      expect((await ann.post(`/groups/${group}/members/bob/remove`)).status).to.equal(200)
      expect((await ann.post(`/groups/${group}/members/bob/remove`)).status).to.equal(404)
      await ann.post(`/groups/${group}/members/cleo/owner`)
      expect((await ann.post(`/groups/${group}/members/cleo/remove`)).status).to.equal(403)
      expect(await membersOf(group)).to.deep.equal(['ann', 'cleo'])
    })

    it('can delete posts and comments of the group; other members cannot', async () => {
      const group = await createGroup('public')
      for (const person of [bob, cleo]) await person.post(`/groups/${group}/join`)
      const { post } = (await bob.post('/posts', { body: 'off topic', group })).json
      const { comment } = (await bob.post(`/posts/${post.id}/comments`, { body: 'indeed' })).json
      for (const path of [`/comments/${comment.id}/delete`, `/posts/${post.id}/delete`]) {
        expect((await cleo.get(path)).status).to.equal(403)
        expect((await cleo.post(path)).status).to.equal(403)
        expect((await ann.get(path, html)).status).to.equal(200)
      }
      expect((await ann.post(`/posts/${post.id}/edit`, { body: 'hers' })).status).to.equal(403)
      expect((await ann.post(`/comments/${comment.id}/edit`, { body: 'hers' })).status).to.equal(403)
      const shown = (await ann.get(`/groups/${group}`, html)).text
      expect(shown).to.contain(`/posts/${post.id}/delete`).and.to.contain(`/comments/${comment.id}/delete`)
      expect(shown).to.not.contain(`/posts/${post.id}/edit`)
      expect((await cleo.get(`/groups/${group}`, html)).text).to.not.contain(`/posts/${post.id}/delete`)
      expect((await ann.post(`/comments/${comment.id}/delete`)).status).to.equal(200)
      expect((await bob.get(`/posts/${post.id}`)).json.comments).to.deep.equal([])
      expect((await ann.post(`/posts/${post.id}/delete`)).status).to.equal(200)
      expect((await bob.get(`/posts/${post.id}`)).status).to.equal(404)
      const own = (await bob.post('/posts', { body: 'not in the group' })).json.post
      expect((await ann.post(`/posts/${own.id}/delete`)).status).to.equal(403)
    })

    it('are replaced by the longest-standing member when the account of the only owner is deleted', async () => {
      const dan = await client(guest.origin).register('dan')
      const group = await createGroup('public', dan)
      for (const person of [bob, cleo]) await person.post(`/groups/${group}/join`)
      await database.query("delete from users where username = 'dan'")
      expect((await bob.get(`/groups/${group}`)).json.group).to.include({ owner: true, members: 2 })
      expect((await cleo.get(`/groups/${group}`)).json.group).to.include({ owner: false })
    })
  })

  it('stay live on the open page of a public group after the viewer has left, but not on the home page', async () => {
    const group = await createGroup('public')
    await bob.post(`/groups/${group}/join`)
    const open = (path: string) => openStream(guest.origin + path, { headers: { cookie: bob.cookie() } })
    const [home, both] = [await open('/stream'), await open(`/stream?with=groups/${group}`)]
    await bob.post(`/groups/${group}/leave`)
    for (const stream of [home, both]) await stream.next(({ event }) => event === 'reset')
    const { id } = (await ann.post('/posts', { body: 'still public', group })).json.post
    await both.next(({ data }) => data?.post?.id === id)
    const mark = (await bob.post('/posts', { body: 'a mark' })).json.post.id
    await home.next(({ data }) => data?.post?.id === mark)
    expect(home.events.filter(({ data }) => data?.post?.id === id)).to.be.empty
    for (const stream of [home, both]) stream.close()
  })

  it('list their members, owners first and then the newest, ten per page', async () => {
    const group = await createGroup('public')
    await database.query(
      `with crowd as (
         insert into users (username, password_hash) select 'crowd_' || n, 'x' from generate_series(10, 21) n
         returning id, username
       )
       insert into subscriptions (user_id, feed_id, created_at)
       select crowd.id, g.feed_id, now() + crowd.id * interval '1 microsecond'
       from crowd, groups g where g.name = $1 order by crowd.id`,
      [group],
    )
    const first = (await guest.get(`/groups/${group}/members`)).json
    expect(first.people).to.have.length(10)
    const next = (await guest.get(`/groups/${group}/members?before=${encodeURIComponent(first.before)}`)).json
    const names = [...first.people, ...next.people].map((person) => person.username)
    expect(names).to.deep.equal(['ann', ...Array.from({ length: 12 }, (_, i) => `crowd_${21 - i}`)])
    expect(first.people[0]).to.include({ owner: true })
    expect(first.people[1]).to.include({ owner: false })

    await database.query(
      `insert into group_owners (feed_id, user_id)
       select g.feed_id, u.id from groups g, users u where g.name = $1 and u.username like 'crowd_%'`,
      [group],
    )
    const owners = (await guest.get(`/groups/${group}/members`)).json
    const others = (await guest.get(`/groups/${group}/members?before=${encodeURIComponent(owners.before)}`))
      .json
    const all = [...owners.people, ...others.people].map((person) => person.username)
    expect(owners.people).to.have.length(10)
    expect(all.toSorted(), 'everybody once').to.deep.equal(names.toSorted())
  })
})
