import { expect } from 'chai'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

describe('npm run test:repeat', () => {
  let folder: string
  before(() => (folder = mkdtempSync(join(tmpdir(), 'koafeed-repeat-test-'))))
  after(() => rmSync(folder, { recursive: true }))

  it('runs the tests as often as asked, and succeeds if every run does', async () => {
    const { status, lines } = await repeat('2', '--busy', testFile('green', ''))
    expect(lines).to.have.length(3)
    expect(lines[0]).to.match(/^run 1: 1 passed, 0 failed, \d+ s$/)
    expect(lines[2]).to.equal('test:repeat: 2 runs, 0 failed')
    expect(status).to.equal(0)
  })

  it('continues after a failed run, names its output, and fails', async () => {
    const { status, lines } = await repeat('2', testFile('red', 'throw new Error("red")'))
    expect(lines[1]).to.match(/^run 2: 0 passed, 1 failed, \d+ s; see .*2\.log$/)
    expect(lines[2]).to.equal('test:repeat: 2 runs, 2 failed')
    expect(status).to.equal(1)
  })

  it('refuses a number of runs that is not a positive integer', async () => {
    expect(await repeat('many')).to.include({ status: 2 })
  })

  function testFile(name: string, body: string): string {
    const file = join(folder, `${name}.test.mjs`)
    writeFileSync(file, `it('is ${name}', () => { ${body} })`)
    return file
  }

  function repeat(...args: string[]): Promise<{ status: number; lines: string[] }> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        ['test/project/repeat.ts', ...args],
        { cwd: root, env: { ...process.env, TMPDIR: folder } },
        (error, stdout) => {
          resolve({ status: Number(error?.code ?? 0), lines: stdout.trim().split('\n') })
        },
      )
    })
  }
})
