import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')

describe('the import rules', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'koafeed-imports-'))
    cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true })
    for (const file of ['package.json', 'tsconfig.json', '.dependency-cruiser.mjs'])
      cpSync(join(root, file), join(folder, file))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  })
  after(() => rmSync(folder, { recursive: true }))

  async function check(): Promise<string> {
    const command = [join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), 'src']
    const options = { cwd: folder, env: { ...process.env, NO_COLOR: '1' } }
    return run(process.execPath, [...command, '--config', '.dependency-cruiser.mjs'], options).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    )
  }

  it('see every module', async () => {
    const [, modules] = /\((\d+) modules/.exec(await check()) ?? []
    expect(Number(modules)).to.be.above(150)
  }).timeout(60_000)

  it('find a planted violation of each kind, and name its reason', async () => {
    writeFileSync(join(folder, 'src/likes/planted.ts'), "export * from '../stream/relay/hub.ts'\n")
    writeFileSync(join(folder, 'src/lib/planted.ts'), "export * from '../web/paths.ts'\n")
    writeFileSync(join(folder, 'src/browser/planted.ts'), "export * from 'node:fs'\n")
    const found = await check()
    for (const rule of [
      'no-feature-imports-stream: src/likes/planted.ts',
      'lib-is-generic: src/lib/planted.ts',
      'no-node-in-the-browser: src/browser/planted.ts',
      'no-circles-between-folders: src/lib',
    ]) {
      expect(found).to.contain(rule)
    }
  }).timeout(60_000)
})
