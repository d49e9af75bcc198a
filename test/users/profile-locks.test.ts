import { expect } from 'chai'
import pg from 'pg'
import { useSite } from '../support/site.ts'
import { eventually } from '../support/eventually.ts'
import { avatarForm, picture } from '../support/pictures.ts'

describe('saving a profile', () => {
  const {
    database,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  let post: string
  let other: pg.Client
  before(async () => {
    post = (await bob.post('/posts', { body: 'by bob' })).json.post.id
    other = new pg.Client({ connectionString: database.url })
    await other.connect()
  })
  after(() => other.end())
  afterEach(() => other.query('rollback'))

  const save = (fields: Record<string, unknown> | FormData) => ann.post('/settings/profile', fields)
  const untilOneWaits = () => eventually(() => database.countLockWaits())
  const storedVariants = async () => (await database.query('select from images')).length
  /** Takes the lock that a transaction holds while it builds post cards. */
  const holdViewsLock = () => other.query('begin; select pg_advisory_xact_lock_shared(7230, 2)')

  it('does not wait for transactions that build post cards, if only the bio changes', async () => {
    await holdViewsLock()
    expect((await save({ bio: 'new' })).status).to.equal(200)
    expect((await ann.get('/users/ann')).json.user.bio).to.equal('new')
  })

  it('does not wait for them if the form sends the current names', async () => {
    await holdViewsLock()
    expect((await save({ username: 'ann', name: 'ann', bio: 'newer' })).status).to.equal(200)
    expect((await save({ username: 'ann', name: '', bio: 'newest' })).status).to.equal(200)
    expect((await ann.get('/users/ann')).json.user).to.include({ bio: 'newest', name: 'ann' })
  })

  it('waits for them if the name changes', async () => {
    await holdViewsLock()
    const renaming = save({ name: 'Ann', bio: 'renamed' })
    await untilOneWaits()
    expect((await ann.get('/users/ann')).json.user).to.include({ bio: 'newest', name: 'ann' })
    await other.query('commit')
    expect((await renaming).json.user).to.include({ name: 'Ann' })
    expect((await ann.get('/users/ann')).json.user).to.include({ bio: 'renamed', name: 'Ann' })
  })

  it('stores a picture before it waits for them', async () => {
    await holdViewsLock()
    const saving = save(avatarForm(await picture()))
    await untilOneWaits()
    expect(await storedVariants()).to.equal(6)
    await other.query('commit')
    expect((await saving).json.user.avatar).to.be.a('string')
  })

  it('delays a like until a rename has been committed', async () => {
    await other.query("begin; update users set name = 'Annie' where username = 'ann'")
    const liking = bob.post(`/posts/${post}/like`)
    await untilOneWaits()
    await other.query('commit')
    expect((await liking).json.post.like_count).to.equal(1)
  })

  it('removes the picture if the save fails', async () => {
    await save({ remove_avatar: '1' })
    expect(await storedVariants()).to.equal(0)
    await other.query("begin; insert into groups (name, title) values ('wanted', 'Wanted')")
    const saving = save(avatarForm(await picture({ colour: '#123456' }), { username: 'wanted' }))
    await untilOneWaits()
    expect(await storedVariants()).to.equal(6)
    await other.query('commit')
    expect((await saving).status).to.equal(422)
    expect(await storedVariants()).to.equal(0)
  })

  it('stores a picture again if another user removes the same picture at the same time', async () => {
    const file = await picture({ colour: '#654321' })
    const hash: string = (await bob.post('/settings/profile', avatarForm(file))).json.user.avatar
    // The picture exists when the upload stores it, and is deleted before the profile refers to it.
    await other.query(
      `begin; update users set avatar = null where username = 'bob'; select from images for update`,
    )
    const saving = save(avatarForm(file))
    await untilOneWaits()
    await other.query(`select delete_unused_pictures(array['${hash}'])`)
    await other.query('commit')
    expect((await saving).json.user.avatar).to.equal(hash)
    expect(await storedVariants()).to.equal(6)
  })
})
