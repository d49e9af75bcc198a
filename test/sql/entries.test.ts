import { expect } from 'chai'
import { createDb, sql, type DatabasePool } from '../../src/db/pool.ts'
import { useDatabase } from '../support/database.ts'
import { insertUsers, type Person } from '../support/people.ts'

interface Entry {
  feed: string
  reason: string
  actor: string
}

describe('entries: the posts of each feed', () => {
  const database = useDatabase()
  let db: DatabasePool
  let ann: Person, bob: Person, cleo: Person
  const publicFeed = '1'
  let openGroup: { id: string; feed_id: string }
  let closedGroup: { id: string; feed_id: string }

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    ;[ann, bob, cleo] = (await insertUsers(db, ['ann', 'bob', 'cleo'])) as [Person, Person, Person]
    openGroup = await insertGroup('open', 'public')
    closedGroup = await insertGroup('closed', 'private')
  })
  after(() => db.end())

  async function insertGroup(name: string, visibility: string): Promise<{ id: string; feed_id: string }> {
    return db.one(sql.row<{ id: string; feed_id: string }>()`
      insert into groups (name, title, visibility) values (${name}, ${name}, ${visibility}) returning id, feed_id`)
  }
  async function insertPost(author: Person, group: { id: string } | null = null): Promise<string> {
    return db.oneFirst(sql.row<{ id: string }>()`
      insert into posts (author_id, group_id, body) values (${author.id}, ${group?.id ?? null}, 'hello') returning id`)
  }
  async function insertComment(post: string, author: Person): Promise<{ id: string; created_at: string }> {
    return db.one(sql.row<{ id: string; created_at: string }>()`
      insert into comments (post_id, author_id, body) values (${post}, ${author.id}, 'hi') returning id, created_at`)
  }
  async function like(post: string, user: Person): Promise<string> {
    return db.oneFirst(sql.row<{ created_at: string }>()`
      insert into post_likes (post_id, user_id) values (${post}, ${user.id}) returning created_at`)
  }
  async function unlike(post: string, user: Person): Promise<void> {
    await db.query(sql.command`delete from post_likes where post_id = ${post} and user_id = ${user.id}`)
  }
  async function deleteComment({ id }: { id: string }): Promise<void> {
    await db.query(sql.command`delete from comments where id = ${id}`)
  }
  async function entriesOf(post: string): Promise<Entry[]> {
    return [
      ...(await db.any(sql.row<Entry>()`
        select feed_id as feed, reason, actor_id as actor from entries where post_id = ${post} order by feed_id`)),
    ]
  }
  async function entryIn(post: string, feed: string): Promise<{ reason: string; at: string } | null> {
    return db.maybeOne(sql.row<{ reason: string; at: string }>()`
      select reason, at from entries where post_id = ${post} and feed_id = ${feed}`)
  }
  const posted = (feed: string, actor: Person): Entry => ({ feed, reason: 'posted', actor: actor.id })

  it('put a post into its author’s feed and the public feed', async () => {
    expect(await entriesOf(await insertPost(ann))).to.have.deep.members([
      posted(ann.feed_id, ann),
      posted(publicFeed, ann),
    ])
  })

  it('put a post to a public group into the feed of the group and the public feed, not its author’s', async () => {
    const entries = await entriesOf(await insertPost(ann, openGroup))
    expect(entries).to.have.deep.members([posted(openGroup.feed_id, ann), posted(publicFeed, ann)])
  })

  it('keep a post to a private group in the feed of the group only, after comments and likes too', async () => {
    const post = await insertPost(ann, closedGroup)
    await insertComment(post, bob)
    await like(post, cleo)
    expect(await entriesOf(post)).to.deep.equal([posted(closedGroup.feed_id, ann)])
  })

  it('move to the time of a comment if they are `posted`, and put the post into the commenter’s feed', async () => {
    const post = await insertPost(ann)
    const { created_at } = await insertComment(post, bob)
    for (const feed of [ann.feed_id, publicFeed]) {
      expect(await entryIn(post, feed)).to.deep.equal({ reason: 'posted', at: created_at })
    }
    expect(await entryIn(post, bob.feed_id)).to.deep.equal({ reason: 'commented', at: created_at })
  })

  it('move with the second comment of the same person, and not with that of another', async () => {
    const post = await insertPost(ann)
    await insertComment(post, bob)
    const first = await insertComment(post, cleo)
    const second = await insertComment(post, bob)
    expect(await entryIn(post, bob.feed_id)).to.deep.equal({ reason: 'commented', at: second.created_at })
    expect(await entryIn(post, cleo.feed_id)).to.deep.equal({ reason: 'commented', at: first.created_at })
  })

  it('put a liked post into the liker’s feed, and do not move', async () => {
    const post = await insertPost(ann)
    const before = await entryIn(post, ann.feed_id)
    const at = await like(post, bob)
    expect(await entryIn(post, bob.feed_id)).to.deep.equal({ reason: 'liked', at })
    expect(await entryIn(post, ann.feed_id)).to.deep.equal(before)
  })

  it('keep the reason with the higher rank', async () => {
    const post = await insertPost(ann)
    const { created_at } = await insertComment(post, bob)
    await like(post, bob)
    expect(await entryIn(post, bob.feed_id)).to.deep.equal({ reason: 'commented', at: created_at })
    const own = await insertComment(post, ann)
    await like(post, ann)
    expect(await entryIn(post, ann.feed_id)).to.deep.equal({ reason: 'posted', at: own.created_at })
  })

  it('disappear with an unlike, unless the person has commented', async () => {
    const post = await insertPost(ann)
    await like(post, bob)
    await like(post, cleo)
    await insertComment(post, cleo)
    await unlike(post, bob)
    await unlike(post, cleo)
    expect(await entryIn(post, bob.feed_id)).to.equal(null)
    expect(await entryIn(post, cleo.feed_id)).to.have.property('reason', 'commented')
  })

  it('return to the remaining comment or like, and to its time, when a comment is deleted', async () => {
    const post = await insertPost(ann)
    const likedAt = await like(post, bob)
    const first = await insertComment(post, bob)
    const second = await insertComment(post, bob)
    await deleteComment(second)
    expect(await entryIn(post, bob.feed_id)).to.deep.equal({ reason: 'commented', at: first.created_at })
    await deleteComment(first)
    expect(await entryIn(post, bob.feed_id)).to.deep.equal({ reason: 'liked', at: likedAt })
    await unlike(post, bob)
    expect(await entryIn(post, bob.feed_id)).to.equal(null)
  })

  it('keep their time in the author’s feed when a comment is deleted', async () => {
    const post = await insertPost(ann)
    const comment = await insertComment(post, bob)
    await deleteComment(comment)
    expect(await entryIn(post, ann.feed_id)).to.deep.equal({ reason: 'posted', at: comment.created_at })
  })

  it('are deleted with their post, like its comments and likes', async () => {
    const post = await insertPost(ann)
    await insertComment(post, bob)
    await like(post, cleo)
    await db.query(sql.command`delete from posts where id = ${post}`)
    const left = await db.one(sql.row<{ entries: string; comments: string; likes: string }>()`
      select
        (select count(*) from entries where post_id = ${post}) as entries,
        (select count(*) from comments where post_id = ${post}) as comments,
        (select count(*) from post_likes where post_id = ${post}) as likes`)
    expect(left).to.deep.equal({ entries: '0', comments: '0', likes: '0' })
  })

  it('are at most 64 per post, and those still move', async () => {
    const post = await insertPost(ann)
    const crowd = await insertUsers(
      db,
      Array.from({ length: 64 }, (_, i) => `crowd${i}`),
    )
    for (const person of crowd.slice(0, 62)) await like(post, person)
    expect(await entriesOf(post)).to.have.length(64)
    await like(post, crowd[62]!)
    await insertComment(post, crowd[63]!)
    expect(await entriesOf(post)).to.have.length(64)
    const { created_at } = await insertComment(post, crowd[0]!)
    expect(await entryIn(post, crowd[0]!.feed_id)).to.deep.equal({ reason: 'commented', at: created_at })
  })

  it('take the time of an imported comment, and do not move to an earlier time', async () => {
    const post = await insertPost(ann)
    const before = await entryIn(post, ann.feed_id)
    await db.query(sql.command`
      insert into comments (post_id, author_id, body, created_at) values (${post}, ${bob.id}, 'old', '2020-01-02 03:04:05Z')`)
    expect(await entryIn(post, ann.feed_id)).to.deep.equal(before)
    expect(await entryIn(post, bob.feed_id)).to.deep.equal({
      reason: 'commented',
      at: '2020-01-02 03:04:05+00',
    })
  })
})
