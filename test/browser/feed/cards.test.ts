import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { DESKTOP } from '../../support/browser/viewports.ts'
import type { Client } from '../../support/http.ts'
import { useSite } from '../../support/site.ts'

describe('the card of a post', () => {
  const {
    database,
    people: { ann, bob, cleo },
    guest,
  } = useSite({ people: ['ann', 'bob', 'cleo'] })
  let page: Page

  before(async function () {
    this.timeout(60_000)
    await ann.post('/users/bob/follow')
    page = await signIn(await newContext({ viewport: DESKTOP }), guest.origin, 'ann')
  })
  after(() => page.context().close())

  async function write(person: Client, body: string): Promise<string> {
    return (await person.post('/posts', { body })).json.post.id
  }
  async function comment(person: Client, id: string, count: number): Promise<string[]> {
    const ids: string[] = []
    for (let n = 1; n <= count; n++) {
      ids.push((await person.post(`/posts/${id}/comments`, { body: `Number ${n}` })).json.comment.id)
    }
    return ids
  }
  const why = (id: string) => page.locator(`#post-${id} .why`)
  /** The line says the same when the event has come and after a reload. */
  async function says(id: string, text: RegExp): Promise<void> {
    for (const load of [async () => {}, () => page.goto(guest.origin)]) {
      await load()
      await why(id).filter({ hasText: text }).waitFor()
    }
  }

  it('says who has brought it to the page, and when', async () => {
    const id = await write(cleo, 'From somebody whom Ann does not follow')
    await bob.post(`/posts/${id}/like`)
    await says(id, /^bob liked this · now/)
    await comment(bob, id, 1)
    await says(id, /^bob commented on this · now/)
  })

  it('says what has moved a post up, and "your post" to its author', async () => {
    const [own, other] = [await write(ann, 'By Ann'), await write(bob, 'By Bob')]
    await page.locator(`#post-${other}`).waitFor()
    expect(await why(own).count(), 'nothing has happened yet').to.equal(0)
    const [first] = await comment(cleo, own, 1)
    await says(own, /^cleo commented on your post · now/)
    await comment(cleo, other, 1)
    await says(other, /^cleo commented on this · now/)
    await comment(ann, other, 1)
    await says(other, /^You commented on this · now/)
    await cleo.post(`/comments/${first}/delete`)
    await says(own, /^Someone commented on your post · now/)
  })

  it('shows the names of all who like a post on request, also those who join later', async () => {
    const id = await write(bob, 'Liked by many')
    const names = ['dora', 'emil', 'fred', 'gina', 'hugo', 'ivan']
    await database.query(
      `with people as (
         insert into users (username, password_hash) select unnest($2::text[]), 'none' returning id
       )
       insert into post_likes (post_id, user_id) select $1, id from people`,
      [id, names],
    )
    const likes = page.locator(`#post-${id} .likes`)
    await likes.getByRole('link', { name: '3 others' }).click()
    for (const name of names) await likes.locator('.who', { hasText: name }).waitFor()
    await bob.post(`/posts/${id}/like`)
    await likes.locator('.who', { hasText: 'bob' }).waitFor()
    await likes.getByRole('link', { name: '4 others' }).click()
    await likes.locator('.who').waitFor({ state: 'detached' })
    expect(page.url()).to.equal(`${guest.origin}/`)
  })

  describe('on the page of the post', () => {
    let id: string

    before(async () => {
      id = await write(ann, 'A long conversation')
      await database.query(
        `insert into comments (post_id, author_id, body)
         select $1, (select id from users where username = 'bob'), 'Number ' || n from generate_series(1, 120) n`,
        [id],
      )
    })
    beforeEach(() => page.goto(`${guest.origin}/posts/${id}`))

    it('shows the total, and how many comments are before the first one', async () => {
      await page.getByRole('heading', { name: '120 comments' }).waitFor()
      expect(await page.locator('.comments > li').first().textContent()).to.equal('20 earlier comments')
      await comment(bob, id, 1)
      await page.getByRole('heading', { name: '121 comments' }).waitFor()
      expect(await page.locator('.comments > li').first().textContent()).to.equal('20 earlier comments')
    })

    it('shows earlier comments in place, and keeps the others where they are', async () => {
      const first = page.locator('.comment', { hasText: /^Number 22 / })
      await page.getByRole('link', { name: '21 earlier comments' }).click()
      await page.locator('.comment', { hasText: /^Number 2 / }).waitFor()
      expect(await page.locator('.comment').count()).to.equal(121)
      expect(await first.evaluate((item) => item.previousElementSibling?.textContent)).to.match(/^Number 21 /)
      expect(await page.locator('.more').count()).to.equal(0)
    })

    it('leads to earlier comments without JavaScript', async () => {
      const { text } = await guest.get(`/posts/${id}`, { accept: 'text/html' })
      const [, path] = /<a href="([^"]+)">21 earlier comments<\/a>/.exec(text) ?? []
      const earlier = await guest.get(path!, { accept: 'text/html' })
      expect(earlier.text).to.include('Number 21<').and.not.include('Number 22<')
    })

    it('keeps an open editor, its text and its caret in place when comments, likes and edits arrive', async () => {
      const short = await write(ann, 'A short conversation')
      await comment(bob, short, 3)
      await page.goto(`${guest.origin}/posts/${short}`)
      await page.locator(`[href="/posts/${short}/edit"]`).evaluate((link: HTMLElement) => link.click())
      const field = page.locator('.editor textarea')
      await field.fill('Changed by the author')
      await field.evaluate((element: HTMLTextAreaElement) => element.setSelectionRange(2, 5))
      const state = () =>
        field.evaluate((element: HTMLTextAreaElement) => ({
          top: Math.round(element.getBoundingClientRect().top),
          before: element.closest('form')?.previousElementSibling?.className,
          text: element.value,
          selected: [element.selectionStart, element.selectionEnd],
          focused: document.activeElement === element,
        }))
      const before = await state()
      expect(before).to.deep.include({ before: 'post-text', focused: true })
      await comment(bob, short, 1)
      await page.getByRole('heading', { name: '4 comments' }).waitFor()
      await bob.post(`/posts/${short}/like`)
      await page.locator('.likes', { hasText: 'bob' }).waitFor()
      expect(await state()).to.deep.equal(before)
      await database.query(`update posts set body = 'Changed elsewhere' where id = $1`, [short])
      await page.getByText('has changed meanwhile').waitFor()
      expect(await state()).to.deep.include({ text: before.text, selected: before.selected, focused: true })
      expect(await page.locator('.editor').count()).to.equal(1)
    })
  })
})
