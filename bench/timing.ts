/**
 * What the door costs: how long a sign-in takes for a name that exists and one that does not, which must not tell them
 * apart, and how the feed answers during a storm of sign-ins. `node bench/timing.ts`
 */
import { client } from '../test/support/http.ts'
import { startInstance } from '../test/support/instance.ts'
import { startPostgres } from '../test/faults/postgres.ts'
import { line, measure, quantile } from './measure.ts'

const TIMES = 150
const STORM = 100

const postgres = await startPostgres()
try {
  const { origin } = await startInstance({ databaseUrl: postgres.url, env: { LOG_LEVEL: 'warn' } })
  const ann = await client(origin).register('ann')
  for (let n = 0; n < 30; n++) await ann.post('/posts', { body: `post ${n}` })
  await names()
  await storm()

  async function names(): Promise<void> {
    const guest = client(origin)
    await guest.csrf()
    const wrong = (username: string) => () => guest.login(username, 'not the password')
    const { known, unknown } = await measure({ known: wrong('ann'), unknown: wrong('nobody_here') }, TIMES)
    console.log(`${''.padEnd(26)}       known     unknown`)
    console.log(line('a refused sign-in, median', known, unknown))
  }

  /** `GET /` once in 20 ms, quietly first, then while 100 people sign in at one instant. */
  async function storm(): Promise<void> {
    const quiet = await readFor(new Promise((resolve) => setTimeout(resolve, 2000)))
    const people = Array.from({ length: STORM }, () => client(origin))
    await Promise.all(people.map((person) => person.csrf()))
    const start = performance.now()
    const signIns = Promise.all(people.map((person) => person.login('ann')))
    const stormy = await readFor(signIns)
    const statuses = (await signIns).map(({ status }) => status)
    const count = (status: number) => statuses.filter((one) => one === status).length
    console.log(
      `${STORM} sign-ins at once       ${count(200)} signed in, ${count(503)} told to come back, ` +
        `${Math.round(performance.now() - start)} ms in all`,
    )
    for (const [what, times] of [
      ['quiet', quiet],
      ['during the storm', stormy],
    ] as const) {
      const [median, p95] = [quantile(times, 0.5), quantile(times, 0.95)].map((ms) => ms.toFixed(1))
      console.log(`GET / ${what.padEnd(20)} median ${median} ms, p95 ${p95} ms of ${times.length}`)
    }
  }

  async function readFor(end: Promise<unknown>): Promise<number[]> {
    const pending: Promise<number>[] = []
    let over = false
    const done = end.finally(() => (over = true))
    while (!over) {
      pending.push(read())
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await done
    return Promise.all(pending)
  }

  async function read(): Promise<number> {
    const start = performance.now()
    const { status } = await ann.get('/')
    if (status !== 200) throw new Error(`GET / answered ${status}`)
    return performance.now() - start
  }
} finally {
  await postgres.remove()
}
process.exit(0)
