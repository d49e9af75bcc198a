import { expect } from 'chai'
import { useSite } from '../support/site.ts'

describe('a request of a page’s script that names its person', () => {
  const {
    people: { ann, bob },
    guest,
  } = useSite({ people: ['ann', 'bob'] })
  const headers = { 'x-as': '1' }

  it('is accepted with the session of that person, and without a name with any session', async () => {
    expect((await ann.get('/', { headers })).status).to.equal(200)
    expect((await ann.post('/posts', { body: 'from Ann' }, { headers })).status).to.equal(201)
    expect((await bob.get('/')).status).to.equal(200)
  })

  it('leaves the messages for the next page that the person sees', async () => {
    await ann.post('/users/bob/follow', {}, { type: 'form' })
    const accept = 'text/html'
    expect((await ann.get('/', { accept, headers })).text).not.to.contain('Followed bob')
    expect((await ann.get('/', { accept })).text).to.contain('Followed bob')
  })

  it('gets 401 with the session of another person or without a session, and changes nothing', async () => {
    for (const person of [bob, guest]) {
      expect((await person.get('/', { headers })).status).to.equal(401)
      expect((await person.get('/public', { headers })).status).to.equal(401)
      expect((await person.post('/posts', { body: 'as Ann' }, { headers })).status).to.equal(401)
    }
    const { json } = await bob.get('/public')
    expect(json.posts.map(({ body }: { body: string }) => body)).to.deep.equal(['from Ann'])
  })
})
