import { expect } from 'chai'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runCli } from '../support/cli.ts'
import { client, type Client } from '../support/http.ts'
import { useSite } from '../support/site.ts'

const root = join(import.meta.dirname, '../..')

describe('the first admin', function () {
  this.timeout(20_000)
  const {
    database,
    instances,
    people: { ann, ben },
    guest,
  } = useSite({ people: ['ann', 'ben'], instances: 2 })

  /** Runs what a deploy runs before its first instance. */
  async function migrate(): Promise<string> {
    const env = { PATH: process.env.PATH, DATABASE_URL: database.url }
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'src/migrate.ts')], { env })
    return stdout
  }
  const tokenIn = (output: string) => /: ([\w-]{43})$/m.exec(output)![1]!
  const redeem = (person: Client, token: string) => person.post('/admin/token', { token })
  const admins = async () =>
    (await database.query<{ username: string }>('select username from users where admin')).map(
      ({ username }) => username,
    )

  it('is not the first person who registers', async () => {
    expect(await admins()).to.deep.equal([])
  })

  it('is the first person who enters the token that the first start prints', async () => {
    const token = tokenIn(await migrate())
    expect((await redeem(guest, token)).status).to.equal(401)
    expect((await redeem(ben, 'a wrong token')).status).to.equal(422)
    expect((await ben.post('/admin/token', { token: '' })).json.error.fields).to.have.property('token')
    expect(await admins()).to.deep.equal([])
    expect((await redeem(ann, token)).status).to.equal(200)
    expect((await redeem(ben, token)).status).to.equal(422)
    expect(await admins()).to.deep.equal(['ann'])
  })

  it('ends the offer: a later start prints no token', async () => {
    expect(await migrate()).not.to.contain('/admin/token')
  })

  it('sees the link to the pages of admins on every instance, and others do not', async () => {
    for (const { origin } of instances) {
      const page = async (person: Client) =>
        (await person.at(origin).get('/settings/profile', { accept: 'text/html' })).text
      expect(await page(ann)).to.contain('href="/admin"')
      expect(await page(ben)).not.to.contain('href="/admin"')
    }
  })

  it('needs a token that has not expired and has not been replaced', async () => {
    const print = async () => (await runCli(['admin-token'], { env: { DATABASE_URL: database.url } })).stdout
    const tokens = [await print(), await print()].map((text) => text.trim().split('\n').at(-1)!)
    expect((await redeem(ben, tokens[0]!)).status).to.equal(422)
    await database.query(`update admin_tokens set expires_at = now() - interval '1 second'`)
    expect((await redeem(ben, tokens[1]!)).status).to.equal(422)
    expect(await admins()).to.deep.equal(['ann'])
  })

  it('has a page that works without JavaScript', async () => {
    const page = await ben.get('/admin/token', { accept: 'text/html' })
    expect(page.text).to.contain('Become an admin').and.contain('name="token"')
    const wrong = await ben.post('/admin/token', { token: 'wrong' }, { type: 'form' })
    expect(wrong.status).to.equal(422)
    expect(wrong.text).to.contain('This token is wrong')
    expect((await client(guest.origin).get('/admin/token', { accept: 'text/html' })).location).to.equal(
      '/login?next=%2Fadmin%2Ftoken',
    )
  })
})
