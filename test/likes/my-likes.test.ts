import { expect } from 'chai'
import { useSite } from '../support/site.ts'

describe('GET /likes', () => {
  const { people, guest } = useSite({ people: ['ann', 'bob'] })
  const { ann, bob } = people
  let posts: string[]
  let comments: string[]
  before(async () => {
    posts = [1, 2].map(String)
    for (const n of [0, 1]) posts[n] = (await ann.post('/posts', { body: `post ${n}` })).json.post.id
    const comment = async (body: string): Promise<string> =>
      (await ann.post(`/posts/${posts[0]}/comments`, { body })).json.comment.id
    comments = [await comment('one'), await comment('two')]
    await ann.post(`/posts/${posts[0]}/like`)
    await ann.post(`/comments/${comments[1]}/like`)
    await bob.post(`/posts/${posts[1]}/like`)
  })

  it('returns which of the given posts and comments the viewer likes', async () => {
    const query = `/likes?posts=${posts.join()},999999&comments=${comments.join()}`
    const liked = await ann.get(query)
    expect(liked.json).to.deep.equal({ posts: [posts[0]], comments: [comments[1]] })
    expect(liked.headers.get('cache-control')).to.equal('no-store')
    expect((await bob.get(query)).json).to.deep.equal({ posts: [posts[1]], comments: [] })
    expect((await ann.get('/likes')).json).to.deep.equal({ posts: [], comments: [] })
  })

  it('returns JSON even to a browser', async () => {
    const answer = await ann.get(`/likes?posts=${posts[0]}`, { accept: 'text/html' })
    expect(answer.json).to.deep.equal({ posts: [posts[0]], comments: [] })
  })

  it('refuses anonymous visitors', async () => {
    expect((await guest.get(`/likes?posts=${posts[0]}`)).status).to.equal(401)
  })

  it('accepts up to 50 ids of posts and of comments, and refuses invalid ids', async () => {
    const ids = (count: number) => Array.from({ length: count }, (_, n) => n + 1).join()
    expect((await ann.get(`/likes?posts=${ids(50)}&comments=${ids(50)}`)).status).to.equal(200)
    for (const query of [
      `posts=${ids(51)}`,
      `comments=${ids(51)}`,
      'posts=x',
      'posts=1,,2',
      'posts=0',
      'posts=-1',
      'posts=9223372036854775808',
      'posts=1&posts=2',
      'comments=1%20or%201',
    ]) {
      expect([query, (await ann.get(`/likes?${query}`)).status]).to.deep.equal([query, 400])
    }
  })
})
