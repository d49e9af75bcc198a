import { expect } from 'chai'
import { createHomePages, type HomePages } from '../../src/feeds/home-pages.ts'
import { START } from '../../src/db/pagination.ts'
import { createCacheLab, type CacheLab } from '../support/cache-lab.ts'
import { useDatabase } from '../support/database.ts'
import { insertUsers, type Person } from '../support/people.ts'

describe('the kept row of a home page', () => {
  const database = useDatabase()
  let lab: CacheLab
  let homes: HomePages
  let ann: Person, bob: Person, cleo: Person

  before(async () => {
    lab = await createCacheLab(database.url)
    homes = createHomePages(lab.deps)
    ;[ann, bob, cleo] = (await insertUsers(lab.db, ['ann', 'bob', 'cleo'])) as [Person, Person, Person]
    await database.query('insert into subscriptions (user_id, feed_id) values ($1, $2)', [
      ann.id,
      bob.feed_id,
    ])
  })
  after(() => lab.close())

  const post = (author: Person, body: string) =>
    database.query('insert into posts (author_id, body) values ($1, $2)', [author.id, body])
  /** Returns the texts of the page, and how many rows were read for it. */
  async function home(): Promise<{ shown: string[]; reads: number }> {
    const before = lab.statements.places
    const page = await homes.get(ann, START)
    expect(Number(page.seq)).to.equal(await lab.newestSeq())
    return { shown: page.posts.map(({ body }) => body), reads: lab.statements.places - before }
  }

  it('is used again after events of other feeds', async () => {
    await post(bob, 'by bob')
    expect(await home()).to.deep.equal({ shown: ['by bob'], reads: 1 })
    expect(await home()).to.deep.equal({ shown: ['by bob'], reads: 0 })
    await post(cleo, 'by cleo')
    expect(await home()).to.deep.equal({ shown: ['by bob'], reads: 0 })
  })

  const changes: [string, string, string[]][] = [
    [
      'a post',
      `insert into posts (author_id, body) select id, 'new' from users where username = 'bob'`,
      ['new', 'by bob'],
    ],
    [
      'the like of a person whom the viewer follows',
      `insert into post_likes (post_id, user_id) select p.id, u.id from posts p, users u where p.body = 'by cleo' and u.username = 'bob'`,
      ['by cleo', 'new', 'by bob'],
    ],
    ['a deletion', `delete from posts where body = 'new'`, ['by cleo', 'by bob']],
    ['a new name', `update users set name = 'Robert' where username = 'bob'`, ['by cleo', 'by bob']],
    [
      'a subscription that ends',
      `delete from subscriptions where user_id = (select id from users where username = 'ann') and feed_id = (select feed_id from users where username = 'bob')`,
      [],
    ],
  ]
  for (const [name, statement, shown] of changes) {
    it(`is read again after ${name}, even if the instance has not heard of it yet`, async () => {
      await home()
      await database.query(statement)
      expect(await home()).to.deep.equal({ shown, reads: 1 })
      expect(await home()).to.deep.equal({ shown, reads: 0 })
    })
  }

  it('is not kept while an account is being deleted, because its feeds end without an event', async () => {
    await database.query(`update users set deleted_at = now() where username = 'cleo'`)
    await home()
    expect((await home()).reads).to.be.greaterThan(0)
  })
})
