import { expect } from 'chai'
import { client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

const html = { accept: 'text/html' } as const

describe('the theme', () => {
  const { people, instances } = useSite({ people: ['ann'] })
  const anonymous = () => client(instances[0]!.origin)

  /** The attributes that decide the colours of a page. */
  function themeOf(text: string): { attribute: string | undefined; scheme: string | undefined } {
    return {
      attribute: /<html[^>]* data-bs-theme="(\w+)"/.exec(text)?.[1],
      scheme: /<meta name="color-scheme" content="([\w ]+)">/.exec(text)?.[1],
    }
  }
  const LIGHT = { attribute: 'light', scheme: 'light' }
  const DARK = { attribute: 'dark', scheme: 'dark' }
  const SYSTEM = { attribute: undefined, scheme: 'light dark' }

  it('is that of the system until the reader chooses another', async () => {
    expect(themeOf((await people.ann.get('/', html)).text)).to.deep.equal(SYSTEM)
    for (const [theme, expected] of [
      ['dark', DARK],
      ['light', LIGHT],
      ['system', SYSTEM],
    ] as const) {
      expect((await people.ann.post('/theme', { theme })).json).to.deep.equal({ theme })
      for (const path of ['/', '/public', '/settings/profile', '/no-such-page'])
        expect(themeOf((await people.ann.get(path, html)).text), path).to.deep.equal(expected)
    }
  })

  it('is chosen by a form, which returns to its page', async () => {
    const { status, headers } = await people.ann.post(
      '/theme',
      { theme: 'dark', next: '/groups' },
      { type: 'form' },
    )
    expect([status, headers.get('location')]).to.deep.equal([303, '/groups'])
    expect(themeOf((await people.ann.get('/groups', html)).text)).to.deep.equal(DARK)
    expect((await people.ann.get('/theme', html)).text).to.match(/data-theme="dark" aria-pressed="true"/)
    await people.ann.post('/theme', { theme: 'system' })
  })

  it('is kept for signed-out visitors too, and the shared public page differs by nothing else', async () => {
    const visitor = anonymous()
    const system = (await anonymous().get('/', html)).text
    for (const [theme, expected] of [
      ['dark', DARK],
      ['light', LIGHT],
      ['system', SYSTEM],
    ] as const) {
      await visitor.post('/theme', { theme })
      const [own, shared] = [await visitor.get('/', html), await anonymous().get('/', html)]
      expect(themeOf(own.text)).to.deep.equal(expected)
      expect(own.headers.get('vary')).to.match(/\bcookie\b/i)
      expect(shared.text).to.equal(system)
    }
    expect((await visitor.get('/', html)).text).to.equal(system)
  })

  it('has a page with a token for visitors whose page has none', async () => {
    expect((await anonymous().get('/', html)).text).to.match(
      /<form class="theme" method="get" action="\/theme"/,
    )
    const { text } = await anonymous().get('/theme?next=/public', html)
    expect(text).to.match(/<form class="theme" method="post".*name="csrf_token" value="[\w-]{20,}"/s)
    expect(text).to.contain('name="next" value="/public"')
  })

  it('accepts only the three choices, and ignores any other value of the cookie', async () => {
    for (const theme of ['', 'blue', '"><script>']) {
      const { status, json } = await people.ann.post('/theme', { theme })
      expect(status).to.equal(422)
      expect(json.error.fields).to.have.keys('theme')
    }
    const response = await fetch(`${instances[0]!.origin}/`, {
      headers: { cookie: 'koafeed-theme=blue', accept: 'text/html' },
    })
    expect(themeOf(await response.text())).to.deep.equal(SYSTEM)
  })

  it('cannot be changed without the token of the session', async () => {
    const response = await fetch(`${instances[0]!.origin}/theme`, {
      method: 'POST',
      body: new URLSearchParams({ theme: 'dark' }),
      redirect: 'manual',
    })
    expect(response.status).to.equal(403)
    expect(response.headers.getSetCookie().join()).not.to.contain('koafeed-theme')
  })
})
