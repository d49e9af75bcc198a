import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { bundle } from '../../src/assets/build.ts'
import { styles } from '../../src/assets/styles.ts'

const root = join(import.meta.dirname, '../..')

describe('the size of the bundles', () => {
  it('is at most 20 kB of script and 15 kB of styles after gzip', async () => {
    const script = gzipSync(await bundle(join(root, 'src/browser/main.ts')))
    const css = gzipSync(await styles(root, { minify: true }))
    expect(script.length).to.be.within(1000, 20_000)
    expect(css.length).to.be.within(1000, 15_000)
  })
})
