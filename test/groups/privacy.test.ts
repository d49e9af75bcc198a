import { expect } from 'chai'
import { client, type TestResponse, type Client } from '../support/http.ts'
import { openStream, type TestStream } from '../support/streams/sse.ts'
import { useSite } from '../support/site.ts'

const SECRET = 'the text that stays in the group'

/**
 * Four people see a private group: ann owns it, bob is a member, eve was never a member, and fay was one until a moment
 * ago. They all follow each other, so that a leak through the activity of followed people would show.
 */
describe('a private group', () => {
  const { database, people, guest } = useSite({ people: ['ann', 'bob', 'eve', 'fay'], instances: 2 })
  const { ann, bob, eve, fay } = people
  const streams: TestStream[] = []
  /** By bob, with a comment by bob and one by fay. */
  let post: string
  /** By fay, when she was a member. */
  let faysPost: string
  let comment: string
  let faysComment: string
  let start: string

  before(async () => {
    for (const person of [ann, bob, eve, fay])
      for (const name of Object.keys(people)) await person.post(`/users/${name}/follow`)
    await ann.post('/groups', { name: 'secret', title: 'The circle', visibility: 'private' })
    for (const [person, name] of [
      [bob, 'bob'],
      [fay, 'fay'],
    ] as const) {
      await person.post('/groups/secret/join')
      await ann.post(`/groups/secret/requests/${name}/accept`)
    }
    start = (await eve.get('/')).json.seq
    post = (await bob.post('/posts', { body: SECRET, group: 'secret', client_key: 'bobs' })).json.post.id
    faysPost = (await fay.post('/posts', { body: SECRET, group: 'secret', client_key: 'fays' })).json.post.id
    comment = (await bob.post(`/posts/${post}/comments`, { body: SECRET })).json.comment.id
    faysComment = (await fay.post(`/posts/${post}/comments`, { body: SECRET, client_key: 'fays' })).json
      .comment.id
    for (const person of [ann, bob, fay]) {
      await person.post(`/posts/${post}/like`)
      await person.post(`/comments/${comment}/like`)
    }
    expect((await ann.post('/groups/secret/members/fay/remove')).status).to.equal(200)
  })
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close()
  })

  const html = { accept: 'text/html' } as const
  const form = { type: 'form' } as const
  /** The people who must not see anything, and why. */
  const outsiders = () =>
    [
      ['never a member', eve],
      ['removed', fay],
      ['anonymous', guest],
    ] as const
  const leaks = ({ text }: TestResponse) => text.includes(SECRET)

  async function open(person: Client, path: string, lastEventId?: string): Promise<TestStream> {
    const headers: Record<string, string> = { cookie: person.cookie() }
    if (lastEventId) headers['last-event-id'] = lastEventId
    const stream = await openStream(person.origin + path, { headers })
    streams.push(stream)
    return stream
  }
  const about = (id: string) => (event: { data: { post?: { id: string } } }) => event.data?.post?.id === id

  describe('on pages', () => {
    it('shows its posts on the home pages of members only', async () => {
      for (const accept of ['text/html', 'application/json']) {
        expect(leaks(await ann.get('/', { accept }))).to.equal(true)
        for (const [reason, person] of outsiders())
          expect(leaks(await person.get('/', { accept })), reason).to.equal(false)
      }
    })

    it('hides posts, members and counts on its own page from outsiders', async () => {
      for (const options of [html, {}]) expect(leaks(await bob.get('/groups/secret', options))).to.equal(true)
      for (const [reason, person] of outsiders()) {
        const program = await person.get('/groups/secret')
        expect([reason, program.status]).to.deep.equal([reason, 404])
        expect(program.text).to.not.contain('bob')
        const page = await person.get('/groups/secret', html)
        expect([reason, page.status]).to.deep.equal([reason, 404])
        expect(page.text).to.contain('This group is private').and.to.not.contain(SECRET)
        expect(page.text).to.not.match(/bob|ann<|\d members?|data-stream/)
      }
      expect((await eve.get('/groups/secret', html)).text).to.contain('Request to join')
      expect((await guest.get('/groups/secret', html)).text).to.contain('Sign in')
    })

    it('lists its members for members only', async () => {
      for (const options of [html, {}]) {
        expect((await bob.get('/groups/secret/members', options)).text).to.contain('ann')
        for (const [reason, person] of outsiders()) {
          expect([reason, (await person.get('/groups/secret/members', options)).status]).to.deep.equal([
            reason,
            404,
          ])
        }
      }
    })

    it('keeps its posts off profiles and the public page, for all viewers', async () => {
      for (const person of [ann, bob, eve, fay, guest]) {
        for (const path of ['/public', '/users/ann', '/users/bob', '/users/fay']) {
          for (const options of [html, {}])
            expect(leaks(await person.get(path, options)), path).to.equal(false)
        }
      }
      const open = (await bob.post('/posts', { body: 'said in public' })).json.post.id
      await ann.post(`/posts/${open}/comments`, { body: 'commented in public' })
      expect((await eve.get('/users/ann')).text).to.contain('commented in public')
    })

    it('shows posts, likers and comments to members only', async () => {
      for (const path of [
        `/posts/${post}`,
        `/posts/${faysPost}`,
        `/posts/${post}/likers`,
        `/posts/${post}/comments`,
        `/comments/${comment}/likers`,
      ]) {
        for (const options of [html, {}]) {
          expect([path, (await ann.get(path, options)).status]).to.deep.equal([path, 200])
          for (const [reason, person] of outsiders()) {
            const answer = await person.get(path, options)
            expect([path, reason, answer.status]).to.deep.equal([path, reason, 404])
            expect(leaks(answer)).to.equal(false)
          }
        }
      }
    })

    it('shows the pages to edit and delete to members only, even for the own posts of former members', async () => {
      for (const [path, writer] of [
        [`/posts/${post}/edit`, bob],
        [`/posts/${post}/delete`, bob],
        [`/comments/${comment}/edit`, bob],
        [`/comments/${comment}/delete`, bob],
      ] as const) {
        expect([path, (await writer.get(path)).status]).to.deep.equal([path, 200])
        expect([path, (await eve.get(path)).status]).to.deep.equal([path, 404])
        expect([path, (await guest.get(path)).status]).to.deep.equal([path, 401])
      }
      for (const path of [`/posts/${faysPost}`, `/comments/${faysComment}`]) {
        for (const what of ['edit', 'delete']) {
          const answer = await fay.get(`${path}/${what}`)
          expect([path, answer.status]).to.deep.equal([path, 404])
          expect(leaks(answer)).to.equal(false)
        }
      }
    })

    it('is not in the list of groups of outsiders', async () => {
      expect((await bob.get('/groups')).text).to.contain('The circle')
      for (const [reason, person] of outsiders()) {
        for (const options of [html, {}])
          expect((await person.get('/groups', options)).text, reason).to.not.contain('The circle')
      }
      expect((await eve.get('/', html)).text).to.not.contain('The circle')
    })
  })

  describe('on writes', () => {
    async function state(): Promise<unknown> {
      return (
        await database.query(`
          select p.id, p.body, p.like_count, p.comment_count,
            (select jsonb_agg(jsonb_build_array(c.id, c.body, c.like_count) order by c.id) from comments c where c.post_id = p.id)
          from posts p join groups g on g.id = p.group_id where g.name = 'secret' order by p.id`)
      ).map((row) => JSON.stringify(row))
    }

    it('answers 404 to the changes of outsiders and former members, and stays the same', async () => {
      const untouched = await state()
      for (const person of [eve, fay]) {
        for (const path of [
          `/posts/${post}/like`,
          `/posts/${post}/unlike`,
          `/posts/${post}/comments`,
          `/posts/${faysPost}/edit`,
          `/posts/${faysPost}/delete`,
          `/comments/${comment}/like`,
          `/comments/${comment}/unlike`,
          `/comments/${faysComment}/edit`,
          `/comments/${faysComment}/delete`,
        ]) {
          for (const options of [{}, form]) {
            const answer = await person.post(path, { body: 'from outside' }, options)
            expect([path, answer.status]).to.deep.equal([path, 404])
            expect(leaks(answer)).to.equal(false)
          }
        }
        expect((await person.post('/posts', { body: 'from outside', group: 'secret' })).status).to.equal(404)
      }
      expect(await state()).to.deep.equal(untouched)
    })

    it('does not return a post or comment to a former member who sends its client key again', async () => {
      const again = { body: SECRET, group: 'secret', client_key: 'bobs' }
      expect(leaks(await bob.post('/posts', again))).to.equal(true)
      for (const group of ['secret', '']) {
        const answer = await fay.post('/posts', { ...again, group, client_key: 'fays' })
        expect(answer.status).to.equal(404)
        expect(leaks(answer)).to.equal(false)
      }
      const open = (await ann.post('/posts', { body: 'elsewhere' })).json.post.id
      const answer = await fay.post(`/posts/${open}/comments`, { body: SECRET, client_key: 'fays' })
      expect(answer.status).to.equal(404)
      expect(leaks(answer)).to.equal(false)
    })

    it('accepts the same changes of a member', async () => {
      const body = 'among us'
      const { id } = (await bob.post('/posts', { body, group: 'secret' })).json.post
      for (const path of ['edit', 'like', 'unlike', 'comments', 'delete']) {
        const { status } = await bob.post(`/posts/${id}/${path}`, { body })
        expect([path, status < 300]).to.deep.equal([path, true])
      }
    })
  })

  describe('on streams', () => {
    const paths = () => ['/groups/secret/stream', `/posts/${post}/stream`]

    it('opens the streams of the group and its posts for members only', async () => {
      for (const path of paths()) {
        expect([path, (await open(bob, path)).status]).to.deep.equal([path, 200])
        for (const [reason, person] of outsiders()) {
          expect([path, reason, (await open(person, path)).status]).to.deep.equal([path, reason, 404])
        }
      }
      for (const page of ['groups/secret', `posts/${post}`]) {
        expect((await open(bob, `/stream?with=${page}`)).status).to.equal(200)
        for (const stream of [
          await open(eve, `/stream?with=${page}`),
          await open(guest, `/public/stream?with=${page}`),
        ]) {
          expect((await stream.next(({ event }) => event === 'gone')).data).to.deep.equal({ page })
        }
      }
    })

    it('sends outsiders nothing on other streams, live or after a gap', async () => {
      const watched = [
        '/stream',
        `/stream?with=groups/secret&with=posts/${post}`,
        '/public/stream',
        '/users/ann/stream',
        '/users/bob/stream',
      ]
      const live = await Promise.all(watched.map((path) => open(eve, path)))
      const late = async () => Promise.all(watched.map((path) => open(eve, path, start)))
      const member = await open(bob, '/stream')
      const { id } = (await ann.post('/posts', { body: SECRET, group: 'secret' })).json.post
      await bob.post(`/posts/${id}/comments`, { body: SECRET })
      const kept = (await bob.post(`/posts/${id}/comments`, { body: SECRET })).json.comment.id
      await bob.post(`/posts/${id}/like`)
      await bob.post(`/comments/${kept}/like`)
      for (let n = 0; n < 4; n++) await member.next(about(id))
      const mark = (await bob.post('/posts', { body: 'a mark' })).json.post.id
      await ann.post(`/posts/${mark}/like`)
      for (const stream of [...live, ...(await late())]) {
        await stream.next(about(mark))
        expect(JSON.stringify(stream.events)).to.not.contain(SECRET)
        expect(stream.events.filter(({ data }) => data?.post?.group)).to.be.empty
      }
      await ann.post(`/posts/${id}/delete`)
      await member.next(({ data }) => data?.action === 'deleted')
    })

    it('sends members live and missed events', async () => {
      const live = await open(bob, '/groups/secret/stream')
      const start = (await bob.get('/groups/secret')).json.seq
      const { id } = (await ann.post('/posts', { body: SECRET, group: 'secret' })).json.post
      await live.next(about(id))
      for (const path of ['/groups/secret/stream', '/stream', `/public/stream?with=groups/secret`]) {
        await (await open(bob, path, start)).next(about(id))
      }
    })

    for (const how of ['leaving', 'removal', 'psql']) {
      it(`ends streams with the membership, by ${how}, on both instances within 2 s`, async () => {
        const name = `gil_${how}`
        const gil = await client(ann.origin).register(name)
        await gil.post('/groups/secret/join')
        await ann.post(`/groups/secret/requests/${name}/accept`)
        const places = [ann, bob].map(({ origin }) => gil.at(origin))
        const homes = await Promise.all(places.map((person) => open(person, '/stream')))
        const guarded = await Promise.all(
          places.flatMap((person) =>
            [...paths(), `/stream?with=groups/secret`].map((path) => open(person, path)),
          ),
        )
        for (const stream of [...homes, ...guarded]) expect(stream.status).to.equal(200)
        const start = performance.now()
        if (how === 'leaving') await gil.at(bob.origin).post('/groups/secret/leave')
        else if (how === 'removal') await ann.post(`/groups/secret/members/${name}/remove`)
        else {
          await database.query(
            `delete from subscriptions s using users u, groups g
             where u.id = s.user_id and g.feed_id = s.feed_id and u.username = $1 and g.name = 'secret'`,
            [name],
          )
        }
        await Promise.all(homes.map((stream) => stream.next(({ event }) => event === 'reset')))
        await Promise.all(guarded.map((stream) => stream.closed))
        expect(performance.now() - start).to.be.below(2000)
        const { id } = (await bob.post('/posts', { body: SECRET, group: 'secret' })).json.post
        await bob.post('/posts', { body: 'a mark' })
        await gil.post('/posts', { body: 'my own mark' })
        for (const stream of homes) {
          await stream.next(({ data }) => data?.post?.body === 'my own mark')
          expect(stream.events.filter(about(id))).to.be.empty
        }
        for (const path of paths()) expect((await open(gil, path)).status).to.equal(404)
        expect(leaks(await gil.get('/'))).to.equal(false)
      })
    }

    it('does not send new members events from before they joined', async () => {
      const hal = await client(bob.origin).register('hal')
      const start = (await hal.get('/')).json.seq
      await ann.post('/posts', { body: SECRET, group: 'secret' })
      // More than one write to the connection.
      await database.query(
        `insert into posts (author_id, group_id, body)
         select u.id, g.id, $1 from users u, groups g, generate_series(1, 600)
         where u.username = 'ann' and g.name = 'secret'`,
        ['x'.repeat(1000)],
      )
      await hal.post('/groups/secret/join')
      await ann.post('/groups/secret/requests/hal/accept')
      const last = (await ann.post('/posts', { body: 'a mark', group: 'secret' })).json.post.id
      // An instance that serves the newest cursor has received all earlier events.
      await open(hal, '/public/stream', (await hal.get('/')).json.seq)
      for (const path of ['/stream', '/groups/secret/stream', '/public/stream?with=groups/secret']) {
        const stream = await open(hal, path, start)
        await stream.next(({ event }) => event === 'reset')
        expect(
          stream.events.filter(({ event }) => event === 'post'),
          path,
        ).to.be.empty
        await ann.post(`/posts/${last}/like`)
        await ann.post(`/posts/${last}/unlike`)
        await stream.next(about(last))
      }
    })

    it('reopens a stream after another right of the viewer has changed, and keeps it open', async () => {
      const stream = await open(bob, '/groups/secret/stream')
      await bob.post('/users/eve/unfollow')
      await stream.closed
      const again = await open(bob, '/groups/secret/stream', stream.lastId())
      await again.next(({ event }) => event === 'reset')
      const { id } = (await ann.post('/posts', { body: SECRET, group: 'secret' })).json.post
      await again.next(about(id))
      await bob.post('/users/eve/follow')
    })
  })
})
