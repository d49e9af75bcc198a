import { expect } from 'chai'
import type { Page } from 'playwright-core'
import { newContext } from '../../support/browser/chromium.ts'
import { signIn } from '../../support/browser/sign-in.ts'
import { DESKTOP, PHONE } from '../../support/browser/viewports.ts'
import { eventually } from '../../support/eventually.ts'
import { useSite } from '../../support/site.ts'

/**
 * The sum is 0 if nothing else runs. On a busy machine a frame can come late, so that two changes slide at the same time, which the
 * browser counts as a shift. 0.1 is what https://web.dev/articles/cls calls good.
 */
const GOOD_SHIFT = 0.1

/** What other people do. Each kind appears about as often as the others. */
const KINDS = ['post', 'comment', 'like', 'unlike', 'long comment', 'edit'] as const

for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
  describe(`a page that is being read on a ${device}`, () => {
    const {
      database,
      people: { bob },
      guest,
    } = useSite({ people: ['ann', 'bob', 'cleo'] })
    let page: Page
    let bobId: string, cleoId: string

    before(async function () {
      this.timeout(60_000)
      const [ann] = await database.query<{ id: string }>(`select id from users where username = 'ann'`)
      ;[bobId, cleoId] = (
        await database.query<{ id: string }>(
          `select id from users where username in ('bob', 'cleo') order by id`,
        )
      ).map(({ id }) => id) as [string, string]
      await database.query(
        `insert into subscriptions (user_id, feed_id) select $1, feed_id from users where username in ('bob', 'cleo')`,
        [ann!.id],
      )
    })
    beforeEach(async () => {
      await database.query('delete from posts')
      await database.query(
        `insert into posts (author_id, body) select $1, 'Post ' || n || repeat(E'\\nA line of it', n % 4)
         from generate_series(1, 10) n`,
        [bobId],
      )
      page = await signIn(
        await newContext({
          viewport,
          isMobile: device === 'phone',
          hasTouch: device === 'phone',
        }),
        guest.origin,
        'ann',
      )
      await page.locator('.post', { hasText: 'Post 10' }).waitFor()
      await recordShifts(page)
    })
    afterEach(() => page.context().close())

    /** Other people write, comment, like and edit, `count` times in a transaction each, at the posts that the page shows. */
    async function happen(from: number, count: number, kinds: readonly string[] = KINDS): Promise<void> {
      await database.query(
        `do $do$
        declare
          n integer;
          kind text;
          target bigint;
          kinds text[] := string_to_array('${kinds.join()}', ',');
        begin
          for n in ${from}..${from + count - 1} loop
            kind := kinds[1 + n % ${kinds.length}];
            select id into target from posts where author_id = ${bobId} order by id limit 1 offset n * 7 % 10;
            if kind = 'post' then
              insert into posts (author_id, body) values (${cleoId}, 'News ' || n);
            elsif kind = 'comment' then
              insert into comments (post_id, author_id, body) values (target, ${cleoId}, 'Comment ' || n);
            elsif kind = 'long comment' then
              insert into comments (post_id, author_id, body)
              values (target, ${bobId}, 'Comment ' || n || repeat(E'\\nwith one more line', n % 5));
            elsif kind = 'like' then
              insert into post_likes (post_id, user_id) values (target, ${cleoId}) on conflict do nothing;
            elsif kind = 'unlike' then
              delete from post_likes where post_id = target and user_id = ${cleoId};
            else
              update posts set body = 'Post ' || n || repeat(E'\\nAn edited line', n % 6) where id = target;
            end if;
          end loop;
        end $do$`,
      )
    }

    /** Waits until the page has shown everything that happened before. */
    async function isCurrent(): Promise<void> {
      const [row] = await database.query<{ id: string }>(
        `insert into comments (post_id, author_id, body)
         select id, ${bobId}, 'The last of all' from posts where author_id = ${bobId} order by id desc limit 1
         returning id`,
      )
      await page.locator(`#comment-${row!.id}`).waitFor({ state: 'attached' })
    }

    it('keeps the line in the middle during 50 events, and hardly shifts the layout', async () => {
      await page.evaluate(() => window.scrollTo(0, 600))
      const line = await watchLine(page)
      for (let n = 0; n < 50; n++) await happen(n, 1)
      await isCurrent()
      expect(await line.largestMove()).to.be.at.most(1)
      expect(await page.evaluate(() => window.scrollY)).not.to.equal(600)
      expect(await shift(page)).to.be.at.most(GOOD_SHIFT)
    })

    it('keeps the line in the middle during 1,000 events in bursts, and hardly shifts the layout', async function () {
      this.timeout(120_000)
      await page.evaluate(() => window.scrollTo(0, 600))
      const line = await watchLine(page)
      for (let n = 0; n < 1000; n += 40) await happen(n, 40)
      await isCurrent()
      expect(await line.largestMove()).to.be.at.most(1)
      expect(await shift(page)).to.be.at.most(GOOD_SHIFT)
    })

    // Nothing can be scrolled there to make up for a text that becomes shorter.
    it('keeps a line at the very top during 50 comments and likes', async () => {
      const line = await watchLine(page)
      for (let n = 0; n < 50; n++) await happen(n, 1, ['comment', 'like', 'unlike', 'long comment'])
      await isCurrent()
      expect(await line.largestMove()).to.be.at.most(1)
      expect(await shift(page)).to.be.at.most(GOOD_SHIFT)
    })

    it('keeps caret and text in the composer during 50 events, and lets new posts wait', async () => {
      await page.fill('.composer textarea', 'An unfinished text')
      await page
        .locator('.composer textarea')
        .evaluate((field: HTMLTextAreaElement) => field.setSelectionRange(3, 13))
      const top = () =>
        page.locator('.composer textarea').evaluate((field) => field.getBoundingClientRect().top)
      const before = await top()
      for (let n = 0; n < 50; n++) await happen(n, 1)
      await isCurrent()
      expect(await top()).to.be.closeTo(before, 1)
      await page.getByRole('button', { name: /^\d+ new posts$/ }).waitFor()
      expect(
        await page.locator('.composer textarea').evaluate((field: HTMLTextAreaElement) => ({
          text: field.value,
          selected: [field.selectionStart, field.selectionEnd],
          focused: document.activeElement === field,
        })),
      ).to.deep.equal({ text: 'An unfinished text', selected: [3, 13], focused: true })
    })

    it('shows new posts at the top by themselves, and hardly shift the layout', async () => {
      for (let n = 0; n < 5; n++) {
        const { json } = await bob.post('/posts', { body: `Fresh ${n}` })
        await page.locator(`#post-${json.post.id}.fresh`).waitFor()
        expect(await page.evaluate(() => window.scrollY)).to.equal(0)
      }
      expect(await shift(page)).to.be.at.most(GOOD_SHIFT)
    })

    it('keeps the line while a minute passes', async () => {
      await page.evaluate(() => window.scrollTo(0, 600))
      const line = await watchLine(page)
      const times = () => page.locator('.post .by time').allTextContents()
      const before = await times()
      await page.evaluate(() => {
        const { now } = Date
        Date.now = () => now() + 60_000
        document.dispatchEvent(new Event('visibilitychange'))
      })
      await eventually(async () => String(await times()) !== String(before))
      expect(await line.largestMove()).to.be.at.most(1)
      expect(await shift(page)).to.be.at.most(GOOD_SHIFT)
    })
  })
}

/** Collects the layout shifts from now on. A shift within 500 ms after an input of the reader does not count. */
async function recordShifts(page: Page): Promise<void> {
  await page.evaluate(() => {
    const shifts: object[] = []
    Object.assign(window, { shifts })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as LayoutShift[]) {
        if (entry.hadRecentInput) continue
        const sources = entry.sources.map(
          ({ node, previousRect: from, currentRect: to }) =>
            `${(node as Element | null)?.className ?? ''} ${from.x},${from.y} ${from.width}x${from.height} -> ${to.x},${to.y} ${to.width}x${to.height}`,
        )
        shifts.push({ value: entry.value, sources, at: entry.startTime, y: window.scrollY })
      }
    }).observe({ type: 'layout-shift' })
  })
}

interface LayoutShift extends PerformanceEntry {
  value: number
  hadRecentInput: boolean
  sources: { node: Node | null; previousRect: DOMRect; currentRect: DOMRect }[]
}

async function shift(page: Page): Promise<number> {
  const shifts = await page.evaluate(
    () => (window as unknown as { shifts: { value: number; sources: string[] }[] }).shifts,
  )
  const sum = shifts.reduce((total, { value }) => total + value, 0)
  if (sum > GOOD_SHIFT) console.log(JSON.stringify(shifts.slice(0, 5), null, 2))
  return sum
}

/** Follows the text in the middle of the window from frame to frame. */
async function watchLine(page: Page): Promise<{ largestMove(): Promise<number> }> {
  await page.evaluate(() => {
    const middle = window.innerHeight / 2
    const distance = (element: Element) => {
      const { top, bottom } = element.getBoundingClientRect()
      return Math.max(top - middle, middle - bottom, 0)
    }
    const blocks = [...document.querySelectorAll('.post .by, .post .post-text, .post .meta, .post .comment')]
    const [line] = blocks.sort((a, b) => distance(a) - distance(b))
    const start = line!.getBoundingClientRect().top
    const watch = { largest: 0 }
    Object.assign(window, { watch })
    requestAnimationFrame(function look() {
      watch.largest = Math.max(watch.largest, Math.abs(line!.getBoundingClientRect().top - start))
      requestAnimationFrame(look)
    })
  })
  return {
    largestMove: () =>
      page.evaluate(async () => {
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
        return (window as unknown as { watch: { largest: number } }).watch.largest
      }),
  }
}
