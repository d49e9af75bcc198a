import { expect } from 'chai'
import { Unavailable } from '../../src/lib/errors.ts'
import { createPasswords } from '../../src/users/passwords.ts'

describe('passwords', () => {
  it('are kept as argon2id with the parameters that OWASP asks for, never twice the same', async () => {
    const passwords = createPasswords()
    const [one, two] = await Promise.all([passwords.hash('sesame sesame'), passwords.hash('sesame sesame')])
    expect(one).to.match(/^\$argon2id\$v=19\$(?=.*m=19456)(?=.*t=2)(?=.*p=1)/)
    expect(one).not.to.equal(two)
    expect(await passwords.verify(one, 'sesame sesame')).to.equal(true)
    expect(await passwords.verify(one, 'Sesame sesame')).to.equal(false)
  })

  it('are never cut: the last of 200 characters counts', async () => {
    const passwords = createPasswords()
    const hash = await passwords.hash('x'.repeat(200))
    expect(await passwords.verify(hash, `${'x'.repeat(199)}y`)).to.equal(false)
  })

  it('of nobody are never right, after the same work', async () => {
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
    // Loose, for a busy machine: without the work, it would be a hundredth.
    expect(median(unknown) / median(known)).to.be.within(0.5, 2)
  })

  it('wait in a queue that ends: beyond it people are told to come back', async () => {
    const passwords = createPasswords({ running: 1, waiting: 2 })
    await passwords.verify(null, 'warm')
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
})
