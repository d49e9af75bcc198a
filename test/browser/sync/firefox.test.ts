import { expect } from 'chai'
import { startFirefox, type Firefox, type FirefoxTab } from '../../support/browser/firefox-bidi.ts'
import { findFirefox } from '../../support/browser/firefox.ts'
import { countStreams } from '../../support/browser/tabs.ts'
import { eventually } from '../../support/eventually.ts'
import { useSite } from '../../support/site.ts'

describe('ten tabs of Firefox over HTTP/1.1', function () {
  this.timeout(120_000)
  const {
    instances,
    people: { ann, bob },
  } = useSite({ people: ['ann', 'bob'] })
  const program = findFirefox()
  const tabs: FirefoxTab[] = []
  const posts: string[] = []
  let firefox: Firefox
  let written = 0

  before(async function () {
    if (program === null) return this.skip()
    await bob.post('/users/ann/follow')
    for (let n = 0; n < 7; n++) posts.push((await ann.post('/posts', { body: `Post ${n}` })).json.post.id)
    firefox = await startFirefox(program)
    await firefox.setCookies(bob.cookie(), 'localhost')
  })
  after(() => firefox?.close())

  /** Ann comments on each post: every page must show one of these texts. */
  async function expectAllChange(): Promise<void> {
    const text = `change ${++written} of all pages`
    for (const id of posts) await ann.post(`/posts/${id}/comments`, { body: text })
    const shows = `document.querySelector('#live').textContent.includes('${text}')`
    for (const tab of tabs) await eventually(() => tab.evaluate(shows), Boolean, { timeout: 20_000 })
  }

  it('all load and all change live, and the server has one stream', async () => {
    for (const path of ['/', '/public', '/users/ann', ...posts.map((id) => `/posts/${id}`)]) {
      tabs.push(await firefox.openTab(ann.origin + path))
    }
    await expectAllChange()
    expect(await countStreams(instances[0]!)).to.equal(1)
    expect(await tabs.at(-1)!.evaluate(`document.getElementById('stream-state').textContent`)).to.match(
      /^live · /,
    )
  })

  it('show what happened meanwhile after Back', async () => {
    const [home] = tabs
    await home!.goto(`${ann.origin}/settings/profile`)
    const text = `change ${++written} of all pages`
    await ann.post(`/posts/${posts[6]}/comments`, { body: text })
    await home!.goBack()
    await eventually(() => home!.evaluate(`document.querySelector('#live')?.textContent.includes('${text}')`))
    await expectAllChange()
    expect(await countStreams(instances[0]!)).to.equal(1)
  })

  it('do not notice when others are closed', async () => {
    for (const index of [0, 4, 2]) {
      await tabs.splice(index, 1)[0]!.close()
      await expectAllChange()
      expect(await countStreams(instances[0]!)).to.equal(1)
    }
  })
})
