import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { storeAssets } from '../../src/web/static/asset-store.ts'
import { useSite } from '../support/site.ts'

describe('a file that another release has built', () => {
  const site = useSite()
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'koafeed-build-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function build(file: string, content: string): Promise<void> {
    await writeFile(join(folder, file), content)
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({ 'app.js': file }))
    await storeAssets(site.database.url, folder)
  }

  it('is sent by every instance once a deploy has stored it, and kept by browsers', async () => {
    await build('app-OldOld01.js', 'export {}')
    await build('app-OldOld02.js', 'export { }')
    for (const [file, content] of [
      ['app-OldOld01.js', 'export {}'],
      ['app-OldOld02.js', 'export { }'],
    ] as const) {
      const answer = await site.guest.get(`/build/${file}`, { accept: '*/*' })
      expect([answer.status, answer.text]).to.deep.equal([200, content])
      expect(answer.headers.get('content-type')).to.contain('javascript')
      expect(answer.headers.get('cache-control')).to.contain('immutable')
    }
  })

  it('is deleted after 30 days, but not while deploys store it', async () => {
    const age = (file: string) =>
      site.database.query(
        `update assets set stored_at = stored_at - interval '31 days' where file = '${file}'`,
      )
    await build('app-OldOld03.js', '')
    await age('app-OldOld01.js')
    await age('app-OldOld03.js')
    await build('app-OldOld03.js', '')
    const rows = await site.database.query('select file from assets order by file')
    expect(rows.map(({ file }) => file))
      .to.include('app-OldOld03.js')
      .and.not.include('app-OldOld01.js')
  })

  it('is 404, which nobody keeps, if no release has it', async () => {
    const answer = await site.guest.get('/build/app-Unknown1.js', { accept: '*/*' })
    expect([answer.status, answer.headers.get('cache-control')]).to.deep.equal([404, 'no-store'])
  })
})
