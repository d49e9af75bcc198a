import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { cases, runConformance } from '../conformance/run.ts'
import { startBrokenProxy, type Defect } from './support/servers/broken-proxy.ts'
import { useDatabase } from './support/database.ts'
import { startInstance, type Instance } from './support/servers/instance.ts'

const isEvent = (block: string): boolean => /^event: (?!beat|reset)/m.test(block)

/** Defects of a proxy, with words from the names of cases that fail, and of one that passes nevertheless. */
const defects: Record<string, Defect & { fails: string[]; passes: string }> = {
  'drops an event': {
    blocks: () => {
      let events = 0
      return (block) => (isEvent(block) && ++events === 2 ? '' : block)
    },
    fails: ['each event arrives once', 'resumes with everything', 'two streams of one person'],
    passes: 'ids grow strictly',
  },
  'delivers an event twice': {
    blocks: () => (block) => (isEvent(block) ? block + block : block),
    fails: ['ids grow strictly', 'each event arrives once', 'resumes with everything', 'of several pages'],
    passes: 'a new post is delivered',
  },
  'delivers two events in the wrong order': {
    blocks: () => {
      let events = 0
      let second = ''
      return (block) => {
        if (!isEvent(block)) return block
        events += 1
        if (events === 2) second = block
        return events === 2 ? '' : events === 3 ? block + second : block
      }
    },
    fails: ['ids grow strictly', 'each event arrives once', 'resumes with everything'],
    passes: 'a new post is delivered',
  },
  'removes the ids': {
    blocks: () => (block) => block.replace(/^id: .*\n/gm, ''),
    fails: ['the first block', 'ids grow strictly', 'resumes with everything', 'a new post is delivered'],
    passes: 'two streams of one person',
  },
  buffers: {
    blocks: () => {
      let held = ''
      return (block) => {
        held += block
        return held.length < 100_000 ? '' : held
      }
    },
    fails: ['the first block', 'a new post is delivered'],
    passes: 'has the headers',
  },
  'swallows resets': {
    blocks: () => (block) => (/^event: reset/m.test(block) ? '' : block),
    fails: ['a cursor of the future', 'a follow is answered', 'an unfollow is answered', 'a follow that the'],
    passes: 'each event arrives once',
  },
  'removes Last-Event-ID': {
    headers: ({ 'last-event-id': _removed, ...headers }) => headers,
    // Not "a cursor of the future": a stream without a cursor may start with a reset too, soon after a follow.
    fails: ['resumes with everything', 'takes precedence', 'reconnects all the time'],
    passes: 'the seq of a page',
  },
  'renames a member of the payload': {
    blocks: () => (block) => block.replace('"like_count"', '"likes"'),
    fails: ['a new post is delivered', 'a new comment is delivered'],
    passes: 'each event arrives once',
  },
}

describe('the conformance suite', () => {
  const database = useDatabase()
  let instance: Instance
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url })
  })

  const command = (url: string) =>
    promisify(execFile)(process.execPath, [
      join(import.meta.dirname, '../conformance/main.ts'),
      url,
      '--fast',
    ])

  it('passes against an instance', async function () {
    this.timeout(60_000)
    const { stdout } = await command(instance.origin).catch((error: { stdout: string }) => error)
    const lines = stdout.trim().split('\n')
    expect(lines.slice(0, -1).filter((line) => !line.startsWith('ok '))).to.deep.equal([])
    const fast = cases.filter(({ slow }) => !slow).length
    expect(lines.at(-1)).to.equal(`conformance: ${fast} cases, 0 failed`)
  })

  it('fails by its exit status where people cannot register', async () => {
    const closed = await startInstance({ databaseUrl: database.url, env: { LIMITS: 'signups=1' } })
    const failed = await command(closed.origin).catch((error: { code: number; stdout: string }) => error)
    expect(failed).to.include({ code: 1 })
    expect(failed.stdout).to.match(/^FAILED {2}three people can register.* 429/)
    expect(failed.stdout).to.match(/^conformance: 1 cases, 1 failed$/m)
  })

  for (const [name, { fails, passes, ...defect }] of Object.entries(defects)) {
    it(`finds a proxy that ${name}`, async function () {
      this.timeout(60_000)
      const proxy = await startBrokenProxy(instance.origin, defect)
      const failureOf = async (only: string, timeout: number) => {
        const results = await runConformance(proxy.origin, { fast: true, only, timeout })
        expect(results, only).to.have.length(1)
        return results[0]!.failure
      }
      for (const only of fails) expect(await failureOf(only, 1_500), only).not.to.equal(null)
      expect(await failureOf(passes, 10_000)).to.equal(null)
      proxy.close()
    })
  }
})
