import { expect } from 'chai'
import { homePage } from '../../src/feeds/feeds.ts'
import { sql } from '../../src/db/pool.ts'
import { START } from '../../src/db/pagination.ts'
import type { FeedPage } from '../../src/shared/pages.ts'
import { createCacheLab, type CacheLab } from '../support/cache-lab.ts'
import { useDatabase } from '../support/database.ts'
import { insertUsers, type Person } from '../support/people.ts'

describe('a page of posts whose cards are cached', () => {
  const database = useDatabase()
  let lab: CacheLab
  let ann: Person, bob: Person, cleo: Person
  let closed: { id: string; feed_id: string }

  before(async () => {
    const setup = await createCacheLab(database.url)
    ;[ann, bob, cleo] = (await insertUsers(setup.db, ['ann', 'bob', 'cleo'])) as [Person, Person, Person]
    closed = await setup.db.one(sql.row<{ id: string; feed_id: string }>()`
      insert into groups (name, title, visibility) values ('closed', 'Closed', 'private') returning id, feed_id`)
    for (const person of [bob, ann]) await subscribe(person, closed)
    await subscribe(ann, bob)
    await setup.close()
  })

  beforeEach(async () => {
    lab = await createCacheLab(database.url)
  })
  afterEach(async () => {
    await lab.close()
    await database.query('delete from posts')
  })

  async function subscribe(person: Person, { feed_id }: { feed_id: string }): Promise<void> {
    await database.query(
      'insert into subscriptions (user_id, feed_id) values ($1, $2) on conflict do nothing',
      [person.id, feed_id],
    )
  }
  async function unsubscribe(person: Person, { feed_id }: { feed_id: string }): Promise<void> {
    await database.query('delete from subscriptions where user_id = $1 and feed_id = $2', [
      person.id,
      feed_id,
    ])
  }
  async function post(author: Person, body: string, group: { id: string } | null = null): Promise<string> {
    const [row] = await database.query<{ id: string }>(
      'insert into posts (author_id, group_id, body) values ($1, $2, $3) returning id',
      [author.id, group?.id ?? null, body],
    )
    return row!.id
  }
  async function comment(author: Person, postId: string, body: string): Promise<string> {
    const [row] = await database.query<{ id: string }>(
      'insert into comments (author_id, post_id, body) values ($1, $2, $3) returning id',
      [author.id, postId, body],
    )
    return row!.id
  }
  const like = (person: Person, postId: string) =>
    database.query('insert into post_likes (post_id, user_id) values ($1, $2)', [postId, person.id])
  const edit = (postId: string, body: string) =>
    database.query('update posts set body = $2 where id = $1', [postId, body])

  const home = (person = ann): Promise<FeedPage> => homePage(lab.deps, person, START)
  const bodies = ({ posts }: FeedPage) => posts.map((one) => one.body)

  /** Runs `work` once, after the next statement of this kind. */
  function once(hook: keyof CacheLab['hooks'], work: () => Promise<unknown>): void {
    lab.hooks[hook] = async () => {
      lab.hooks[hook] = async () => {}
      await work()
    }
  }

  it('needs one statement once the cards are cached', async () => {
    await post(bob, 'one')
    await post(bob, 'two')
    const first = await home()
    lab.statements.places = lab.statements.cards = 0
    expect(await home()).to.deep.equal(first)
    expect(lab.statements).to.deep.equal({ places: 1, cards: 0, others: 0 })
  })

  it('needs no statement for the cards that the log has brought', async () => {
    const id = await post(bob, 'hello')
    await comment(cleo, id, 'hi')
    await lab.follow()
    const { posts } = await home()
    expect(posts[0]!.comments.map(({ body }) => body)).to.deep.equal(['hi'])
    expect(lab.statements.cards).to.equal(0)
  })

  it('shows what was committed before it, although the instance has not received the event yet', async () => {
    const id = await post(bob, 'before')
    await lab.follow()
    await edit(id, 'after')
    expect(bodies(await home())).to.deep.equal(['after'])
    expect(lab.statements).to.deep.equal({ places: 1, cards: 0, others: 0 })
  })

  it('is read from the database as a whole while the events are late', async () => {
    const id = await post(bob, 'before')
    await home()
    await edit(id, 'after')
    lab.canSync = false
    expect(bodies(await home())).to.deep.equal(['after'])
    expect(lab.statements.places).to.equal(3)
  })

  it('is read from the database as a whole while the instance is not current', async () => {
    const id = await post(bob, 'before')
    await home()
    lab.isCurrent = false
    lab.statements.places = lab.syncs = 0
    await edit(id, 'after')
    expect(bodies(await home())).to.deep.equal(['after'])
    expect(lab.statements.places).to.equal(1)
    expect(lab.syncs).to.equal(0)
  })

  it('does not cache a card that was read before an event of its post', async () => {
    const id = await post(bob, 'hello')
    await lab.empty()
    once('afterCards', async () => {
      await comment(cleo, id, 'in between')
      await lab.follow()
    })
    await home()
    const shown = await home()
    expect(shown.posts[0]!.comments.map(({ body }) => body)).to.deep.equal(['in between'])
  })

  it('does not cache a card that was read before a person on it was renamed', async () => {
    await post(bob, 'hello')
    await lab.empty()
    once('afterCards', async () => {
      await database.query("update users set name = 'Robert' where id = $1", [bob.id])
      await lab.follow()
    })
    const pages = [await home(), await home()]
    expect(pages.map(({ posts }) => posts[0]!.author.name)).to.deep.equal(['Robert', 'Robert'])
  })

  it('does not cache a card that was read before an event whose own card is dropped already', async () => {
    const small = await createCacheLab(database.url, { maxCardBytes: 4_000 })
    try {
      const id = await post(bob, 'before')
      await small.empty()
      small.hooks.afterCards = async () => {
        small.hooks.afterCards = async () => {}
        await edit(id, 'after')
        for (let n = 0; n < 4; n++) await post(cleo, `another ${n}`)
        await small.follow()
      }
      const { cards } = small.deps.caches
      const seq = await small.newestSeq()
      for (let n = 0; n < 2; n++) expect((await cards.get([id], seq))!.get(id)!.body).to.equal('after')
    } finally {
      await small.close()
    }
  })

  it('does not replace a card by that of an older event', async () => {
    const id = await post(bob, 'first')
    await lab.empty()
    const first = await lab.newestSeq()
    const { cards } = lab.deps.caches
    lab.canSync = false
    once('afterPlaces', async () => {
      await edit(id, 'second')
      await edit(id, 'third')
    })
    await home() // reads the card with both changes, although the instance has none of their events
    await lab.follow(first + 1)
    expect(await cards.get([id], first)).to.equal(null)
    await lab.follow()
    expect((await cards.get([id], first))!.get(id)!.body).to.equal('third')
    expect(lab.statements.cards).to.equal(1)
  })

  it('shows the new name of a person and the new title of a group on cached cards', async () => {
    const id = await post(bob, 'hello', closed)
    await comment(cleo, id, 'hi')
    await home()
    await database.query("update users set name = 'Cleopatra' where id = $1", [cleo.id])
    await database.query("update groups set title = 'Very closed' where id = $1", [closed.id])
    const [shown] = (await home()).posts
    expect(shown!.comments[0]!.author.name).to.equal('Cleopatra')
    expect(shown!.group!.title).to.equal('Very closed')
  })

  it('shows nothing of a deleted account on cached cards', async () => {
    const [dan] = await insertUsers(lab.db, ['dan'])
    const id = await post(bob, 'hello')
    await comment(dan!, id, 'bye')
    await like(dan!, id)
    await home()
    await database.query('update users set deleted_at = now() where id = $1', [dan!.id])
    const [shown] = (await home()).posts
    expect(shown!.comments).to.deep.equal([])
    expect(shown!.likers).to.deep.equal([])
    while (await lab.db.oneFirst(sql.row<{ left: boolean }>()`select delete_account_chunk() as left`));
  })

  it('never shows what happened after the viewer was removed from the group', async () => {
    const id = await post(bob, 'for members', closed)
    await home()
    once('afterPlaces', async () => {
      await unsubscribe(ann, closed)
      await comment(bob, id, 'Ann is gone')
      await lab.follow()
    })
    try {
      expect(bodies(await home())).to.deep.equal([])
    } finally {
      await subscribe(ann, closed)
    }
  })

  it('never shows a card that is ahead of the events that end the right to see it', async () => {
    const id = await post(bob, 'for members', closed)
    await lab.empty()
    let other: Promise<FeedPage> | undefined
    once('afterPlaces', async () => {
      once('afterPlaces', async () => {
        lab.canSync = false
        await unsubscribe(ann, closed)
        await comment(bob, id, 'Ann is gone')
      })
      const cardRead = new Promise<void>((resolve) => once('afterCards', async () => resolve()))
      other = home(bob)
      await cardRead
      await new Promise(setImmediate) // the card is in the cache
    })
    try {
      expect(bodies(await home())).to.deep.equal([])
      expect(bodies(await other!)).to.deep.equal(['for members'])
    } finally {
      await subscribe(ann, closed)
    }
  })

  it('leaves out a post that was deleted after its places were read, and keeps the cursor of the next page', async () => {
    const ids: string[] = []
    for (let n = 1; n <= 12; n++) ids.push(await post(bob, `${n}`))
    const before = (await home()).before
    once('afterPlaces', async () => {
      await database.query('delete from posts where id = any($1)', [[ids[5], ids[2]]])
      await lab.follow()
    })
    const page = await home()
    expect(bodies(page)).to.deep.equal(['12', '11', '10', '9', '8', '7', '5', '4'])
    expect(page.before).to.equal(before)
  })

  it('keeps the place and the reason of a post that has left the feed meanwhile', async () => {
    const id = await post(cleo, 'liked')
    await like(bob, id)
    once('afterPlaces', async () => {
      await database.query('delete from post_likes where post_id = $1', [id])
      await lab.follow()
    })
    const [shown] = (await home()).posts
    expect(shown!.entry.reason).to.equal('liked')
    expect(shown!.entry.actor!.username).to.equal('bob')
    expect(shown!.like_count).to.equal(0)
  })

  it('has the viewer’s likes of comments that appeared on a card after its places were read', async () => {
    const id = await post(bob, 'hello')
    const comments: string[] = []
    for (let n = 1; n <= 7; n++) comments.push(await comment(cleo, id, `${n}`))
    await database.query('insert into comment_likes (comment_id, user_id) values ($1, $2)', [
      comments[4],
      ann.id,
    ])
    expect((await home()).likes.comments).to.deep.equal([])
    once('afterPlaces', async () => {
      await database.query('delete from comments where id = $1', [comments[5]])
      await lab.follow()
    })
    const page = await home()
    expect(page.posts[0]!.comments.map(({ body }) => body)).to.deep.equal(['1', '5', '7'])
    expect(page.likes.comments).to.deep.equal([comments[4]])
  })

  /** Restores the text and the log as they were at `seq`. */
  async function goBack(id: string, body: string, seq: number): Promise<void> {
    await database.query(`
      begin;
      set local session_replication_role = replica;
      update posts set body = '${body}', edited_at = null where id = ${id};
      delete from log where seq > ${seq};
      commit`)
  }

  it('shows nothing of a state that the database has lost', async () => {
    const id = await post(bob, 'kept')
    const kept = await lab.newestSeq()
    await edit(id, 'lost')
    await home()
    await goBack(id, 'kept', kept)
    expect(bodies(await home())).to.deep.equal(['kept'])
    lab.deps.caches.observer.reset(kept)
    expect(bodies(await home())).to.deep.equal(['kept'])
  })

  it('does not cache a card that was read before the log went back', async () => {
    const id = await post(bob, 'kept')
    await lab.empty()
    const kept = await lab.newestSeq()
    once('afterPlaces', () => edit(id, 'lost'))
    once('afterCards', async () => {
      await goBack(id, 'kept', kept)
      lab.deps.caches.observer.reset(kept)
    })
    await home()
    await post(cleo, 'another event, so that this instance passes the lost one')
    await lab.follow()
    expect(bodies(await home())).to.deep.equal(['kept'])
  })

  it('reads the cards of many pages with a few statements, and the log with a few reads', async () => {
    for (let n = 0; n < 10; n++) await post(bob, `${n}`)
    await lab.empty()
    await edit(await post(bob, 'not received'), 'not received yet')
    await Promise.all(Array.from({ length: 20 }, () => home()))
    expect(lab.statements.places).to.equal(20)
    expect(lab.statements.cards).to.be.within(1, 3)
    expect(lab.syncs).to.be.below(10)
  })

  it('does not wait again for events that are late', async () => {
    await post(bob, 'hello')
    lab.canSync = false
    const pages = await Promise.all(Array.from({ length: 20 }, () => home()))
    expect(new Set(pages.map((page) => bodies(page).join()))).to.deep.equal(new Set(['hello']))
    const { syncs } = lab
    for (let n = 0; n < 20; n++) await home()
    expect(lab.syncs).to.equal(syncs)
    expect(lab.statements).to.deep.equal({ places: 80, cards: 0, others: 0 })
  })

  it('is right after an event that the instance cannot read', async () => {
    const id = await post(bob, 'before')
    await lab.follow()
    await edit(id, 'after')
    await database.query(
      `insert into log (seq, event, topics, payload)
       select nextval('log_seq'), 'post', '{}', jsonb_build_object('post', jsonb_build_object('id', $1::text, 'body', 'x'))`,
      [id],
    )
    await lab.follow()
    expect(bodies(await home())).to.deep.equal(['after'])
    await edit(id, 'later')
    expect(bodies(await home())).to.deep.equal(['later'])
  })

  it('returns the same card until it changes', async () => {
    const [changing, steady] = [await post(bob, 'changing'), await post(bob, 'steady')]
    const get = async () => lab.deps.caches.cards.get([changing, steady], await lab.newestSeq())
    const first = await get()
    expect((await get())!.get(changing)).to.equal(first!.get(changing))
    await edit(changing, 'changed')
    const second = await get()
    expect(second!.get(changing)).not.to.equal(first!.get(changing))
    expect(second!.get(steady)).to.equal(first!.get(steady))
  })
})
