import { expect } from 'chai'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

describe('the pre-commit hook', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'koafeed-hooks-'))
    for (const name of ['.githooks', '.oxfmtrc.json', '.oxlintrc.json', 'tsconfig.json', 'package.json']) {
      cpSync(join(root, name), join(folder, name), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    mkdirSync(join(folder, 'src'))
    git('init', '--quiet')
    execFileSync('npm', ['run', '--silent', 'hooks'], { cwd: folder, env })
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('formats staged files, and commits them formatted', () => {
    write('export const one   =  1;\n')
    git('add', 'src')
    expect(commit().status).to.equal(0)
    expect(git('show', 'HEAD:src/a b.ts')).to.equal('export const one = 1\n')
  })

  it('refuses a commit with a lint error', () => {
    write('export function two(): number {\n  debugger\n  return 2\n}\n')
    git('add', 'src')
    const { status, stderr } = commit()
    expect(status).to.equal(1)
    expect(stderr).to.contain('no-debugger')
  })

  it('stages nothing that the author left out', () => {
    write('export const one   =  1\n')
    git('add', 'src')
    write('export const one   =  1\nexport const two = 2\n')
    expect(commit().status).to.equal(0)
    expect(git('show', 'HEAD:src/a b.ts')).to.equal('export const one   =  1\n')
    expect(readFileSync(join(folder, 'src/a b.ts'), 'utf8')).to.contain('two')
  })

  function write(text: string): void {
    writeFileSync(join(folder, 'src/a b.ts'), text)
  }

  function git(...args: string[]): string {
    return execFileSync('git', args, { cwd: folder, encoding: 'utf8', env })
  }

  function commit() {
    const identity = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.org']
    return spawnSync('git', [...identity, 'commit', '-m', 'x'], { cwd: folder, encoding: 'utf8', env })
  }
})

/** Without the variables that a surrounding hook sets: they would point git at this repository. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')))
