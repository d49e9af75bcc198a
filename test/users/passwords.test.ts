import argon2 from 'argon2'
import { expect } from 'chai'
import { Unavailable } from '../../src/lib/errors.ts'
import { createPasswords } from '../../src/users/passwords.ts'

describe('passwords', () => {
  it('are hashed with argon2id, the parameters that OWASP recommends and a new salt each time', async () => {
    const passwords = createPasswords()
    const [one, two] = await Promise.all([passwords.hash('sesame sesame'), passwords.hash('sesame sesame')])
    expect(one).to.match(/^\$argon2id\$v=19\$(?=.*m=19456)(?=.*t=2)(?=.*p=1)/)
    expect(one).not.to.equal(two)
    expect(await passwords.verify(one, 'sesame sesame')).to.equal(true)
    expect(await passwords.verify(one, 'Sesame sesame')).to.equal(false)
  })

  it('are not truncated: the last of 200 characters matters', async () => {
    const passwords = createPasswords()
    const hash = await passwords.hash('x'.repeat(200))
    expect(await passwords.verify(hash, `${'x'.repeat(199)}y`)).to.equal(false)
  })

  it('are wrong for an unknown user, after the same time as for a known one', async () => {
    const passwords = createPasswords()
    const hash = await passwords.hash('sesame sesame')
    const time = async (against: string | null) => {
      const start = performance.now()
      await passwords.verify(against, 'another one')
      return performance.now() - start
    }
    expect(await passwords.verify(null, '')).to.equal(false)
    const median = (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 1]!
    const known: number[] = []
    const unknown: number[] = []
    for (let i = 0; i < 9; i++) {
      known.push(await time(hash))
      unknown.push(await time(null))
    }
    // A wide range, because the machine may be busy. Without the computation the ratio would be about 0.01.
    expect(median(unknown) / median(known)).to.be.within(0.5, 2)
  })

  it('wait in a limited queue; when it is full, further calls throw Unavailable', async () => {
    const passwords = createPasswords({ running: 1, waiting: 2 })
    await passwords.verify(null, 'warm-up')
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map(() => passwords.hash('sesame sesame')))
    expect(answers.map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ])
    expect((answers[4] as PromiseRejectedResult).reason).to.be.instanceOf(Unavailable)
    expect(await passwords.hash('sesame sesame')).to.be.a('string')
  })

  describe('in Unicode', () => {
    const composed = 'caf\u00e9 au lait'
    const decomposed = composed.normalize('NFD')

    it('match in either normalization form', async () => {
      const passwords = createPasswords()
      for (const chosen of [composed, decomposed]) {
        const hash = await passwords.hash(chosen)
        expect(await passwords.verify(hash, composed)).to.equal(true)
        expect(await passwords.verify(hash, decomposed)).to.equal(true)
        expect(await passwords.verify(hash, 'cafe au lait')).to.equal(false)
      }
    })

    it('match, as typed, a hash that is older than normalization', async () => {
      const passwords = createPasswords()
      const old = await argon2.hash(decomposed)
      expect(await passwords.verify(old, decomposed)).to.equal(true)
      expect(await passwords.verify(old, composed)).to.equal(false)
    })

    it('are not normalized if they are longer than any accepted password', async () => {
      const passwords = createPasswords()
      const long = 'a' + '\u0301\u0323'.repeat(16_000)
      const hash = await passwords.hash('sesame sesame')
      const start = performance.now()
      const verified = passwords.verify(hash, long)
      expect(performance.now() - start, 'ms on the event loop').to.be.below(20)
      expect(await verified).to.equal(false)
    })
  })

  /** Counts the argon2 computations of one verification. */
  async function computations(hash: string | null, password: string): Promise<number> {
    let count = 0
    const passwords = createPasswords({
      async compute(against, text) {
        count++
        return argon2.verify(against, text)
      },
    })
    expect(await passwords.verify(hash, password)).to.equal(false)
    return count
  }

  it('cost as many computations for an unknown user as for a known one, in either normalization form', async () => {
    const hash = await createPasswords().hash('sesame sesame')
    for (const [typed, number] of [
      ['another one', 1],
      ['cafe\u0301 au lait', 2],
    ] as const) {
      expect(await computations(hash, typed), 'known').to.equal(number)
      expect(await computations(null, typed), 'unknown').to.equal(number)
      expect(await computations('no argon2 hash', typed), 'unusable').to.equal(number)
      expect(await computations('$argon2x$v=19$m=1,t=1,p=1$c29tZXNhbHQ$aGFzaA', typed)).to.equal(number)
    }
  })

  it('never match text that is not an argon2 hash', async () => {
    const passwords = createPasswords()
    for (const hash of [
      '',
      '!',
      'sesame sesame',
      '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
      '$constructor$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$c29tZWhhc2g',
      '$argon2id$',
      '$argon2id$v=19$m=19456,t=2,p=1',
      '$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHQ$c29tZWhhc2g',
      '$argon2id$v=19$m=19456,t=2,p=1$c29t$c2',
    ]) {
      expect(await passwords.verify(hash, 'sesame sesame'), hash).to.equal(false)
    }
  })
})
