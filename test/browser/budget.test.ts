import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { bundle, type Script } from '../../src/assets/bundle.ts'
import { styles } from '../../src/assets/styles.ts'

const root = join(import.meta.dirname, '../..')
const sizeOf = (files: Script[]) => files.reduce((sum, { content }) => sum + gzipSync(content).length, 0)

describe('the size of the built files after gzip', () => {
  it('is at most 20 kB for the script of every page, and 20 kB for all that loads on first use', async () => {
    const files = await bundle(join(root, 'src/browser/main.ts'), { name: 'app' })
    expect(sizeOf(files.filter(({ initial }) => initial))).to.be.within(1_000, 20_000)
    expect(sizeOf(files.filter(({ initial }) => !initial))).to.be.within(100, 20_000)
  })

  it('is at most 15 kB for the styles', async () => {
    const css = gzipSync(await styles(root, { minify: true }))
    expect(css.length).to.be.within(1_000, 15_000)
  })
})
