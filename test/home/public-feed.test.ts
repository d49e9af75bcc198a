import { expect } from 'chai'
import { publicPage } from '../../src/feeds/feeds.ts'
import { START } from '../../src/db/pagination.ts'
import { createPublicFeed, type PublicFeed } from '../../src/home/public-feed.ts'
import { createCacheLab, type CacheLab } from '../support/cache-lab.ts'
import { useDatabase } from '../support/database.ts'
import { insertUsers, type Person } from '../support/people.ts'

describe('the kept page of the public feed', () => {
  const database = useDatabase()
  let lab: CacheLab
  let ann: Person
  let feed: PublicFeed

  before(async () => {
    const setup = await createCacheLab(database.url)
    ;[ann] = (await insertUsers(setup.db, ['ann'])) as [Person]
    await setup.close()
  })
  beforeEach(async () => {
    lab = await createCacheLab(database.url)
    feed = createPublicFeed(() => publicPage(lab.deps, null, START), lab.deps.caches)
  })
  afterEach(async () => {
    await lab.close()
    await database.query('delete from posts')
  })

  const post = (body: string) =>
    database.query('insert into posts (author_id, body) values ($1, $2)', [ann.id, body])
  const bodies = async (after?: string) => (await feed.get(after)).posts.map(({ body }) => body)

  it('needs no statement until the next event', async () => {
    await post('one')
    await lab.follow()
    const first = await feed.get()
    const before = { ...lab.statements }
    for (let n = 0; n < 20; n++) expect(await feed.get()).to.equal(first)
    expect(lab.statements).to.deep.equal(before)
    await post('two')
    await lab.follow()
    expect(await bodies()).to.deep.equal(['two', 'one'])
  })

  it('is read again if an event arrived during the read', async () => {
    await post('one')
    lab.hooks.afterPlaces = async () => {
      lab.hooks.afterPlaces = async () => {}
      await post('two')
      await lab.follow()
    }
    expect(await bodies()).to.deep.equal(['one'])
    expect(await bodies()).to.deep.equal(['two', 'one'])
  })

  it('is read again after a write on this instance, even before its event', async () => {
    await post('one')
    await lab.follow()
    await feed.get()
    lab.canSync = false
    await post('two')
    expect(await bodies(), 'before the event').to.deep.equal(['one'])
    feed.markOutdated()
    expect(await bodies(), 'after the write').to.deep.equal(['two', 'one'])
  })

  it('is not kept if a write on this instance ended during the read', async () => {
    await post('one')
    await lab.follow()
    lab.canSync = false
    lab.hooks.afterPlaces = async () => {
      lab.hooks.afterPlaces = async () => {}
      await post('two')
      feed.markOutdated()
    }
    expect(await bodies()).to.deep.equal(['one'])
    expect(await bodies()).to.deep.equal(['two', 'one'])
  })

  it('is never older than the cursor of a reset, although this instance has not heard of the event', async () => {
    await post('one')
    await lab.follow()
    await feed.get()
    lab.canSync = false
    await post('two')
    const cursor = String(await lab.newestSeq())
    expect(await bodies(), 'without the cursor').to.deep.equal(['one'])
    const page = await feed.get(cursor)
    expect(page.posts.map(({ body }) => body)).to.deep.equal(['two', 'one'])
    expect(Number(page.seq)).to.be.at.least(Number(cursor))
  })

  it('does not survive a change of epoch', async () => {
    await post('one')
    await lab.follow()
    const before = await feed.get()
    // The position is lower than before: the log went back.
    lab.deps.caches.observer.reset(0)
    expect(await feed.get()).not.to.equal(before)
  })

  it('is not used while the instance does not follow the log; concurrent requests then share two reads', async () => {
    await post('one')
    await lab.follow()
    await feed.get()
    lab.isCurrent = false
    await post('two')
    const before = lab.statements.places
    const pages = await Promise.all(Array.from({ length: 50 }, () => bodies()))
    for (const page of pages) expect(page).to.deep.equal(['two', 'one'])
    expect(lab.statements.places - before).to.be.within(1, 2)
  })

  it('fails for all who wait if the read fails, and is read again for the next', async () => {
    let fails = true
    const failing = createPublicFeed(async () => {
      if (fails) throw new Error('no database')
      return publicPage(lab.deps, null, START)
    }, lab.deps.caches)
    const results = await Promise.allSettled([failing.get(), failing.get(), failing.get()])
    for (const { status } of results) expect(status).to.equal('rejected')
    fails = false
    expect(await failing.get()).to.include.keys('posts', 'seq')
  })
})
