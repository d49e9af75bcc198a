/**
 * Measures refused sign-ins of names that exist and names that do not: equal times reveal nothing about a name. Then
 * measures the home page during a burst of sign-ins. `node bench/timing.ts`
 */
import { client } from '../test/support/http.ts'
import { startInstance } from '../test/support/servers/instance.ts'
import { startPostgres } from '../test/faults/cluster/postgres.ts'
import { line, measure, quantile } from './measure.ts'

const TIMES = 150
const BURST = 100

const postgres = await startPostgres()
try {
  const { origin } = await startInstance({ databaseUrl: postgres.url, env: { LOG_LEVEL: 'warn' } })
  const ann = await client(origin).register('ann')
  for (let n = 0; n < 30; n++) await ann.post('/posts', { body: `post ${n}` })
  await refusals()
  await burst()

  async function refusals(): Promise<void> {
    const guest = client(origin)
    await guest.csrf()
    const wrong = (username: string) => () => guest.login(username, 'not the password')
    const { known, unknown } = await measure({ known: wrong('ann'), unknown: wrong('nobody_here') }, TIMES)
    console.log(`${''.padEnd(26)}       known     unknown`)
    console.log(line('a refused sign-in, median', known, unknown))
  }

  /** Sends `GET /` every 20 ms: first without other load, then while 100 people sign in at the same time. */
  async function burst(): Promise<void> {
    const quiet = await readFor(new Promise((resolve) => setTimeout(resolve, 2000)))
    const people = Array.from({ length: BURST }, () => client(origin))
    await Promise.all(people.map((person) => person.csrf()))
    const start = performance.now()
    const signIns = Promise.all(people.map((person) => person.login('ann')))
    const busy = await readFor(signIns)
    const statuses = (await signIns).map(({ status }) => status)
    const count = (status: number) => statuses.filter((one) => one === status).length
    console.log(
      `${BURST} sign-ins at once       ${count(200)} signed in, ${count(503)} refused with 503, ` +
        `${Math.round(performance.now() - start)} ms in total`,
    )
    for (const [label, times] of [
      ['quiet', quiet],
      ['during the burst', busy],
    ] as const) {
      const [median, p95] = [quantile(times, 0.5), quantile(times, 0.95)].map((ms) => ms.toFixed(1))
      console.log(`GET / ${label.padEnd(20)} median ${median} ms, p95 ${p95} ms of ${times.length}`)
    }
  }

  async function readFor(end: Promise<unknown>): Promise<number[]> {
    const pending: Promise<number>[] = []
    let hasEnded = false
    const done = end.finally(() => (hasEnded = true))
    while (!hasEnded) {
      pending.push(read())
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await done
    return Promise.all(pending)
  }

  async function read(): Promise<number> {
    const start = performance.now()
    const { status } = await ann.get('/')
    if (status !== 200) throw new Error(`GET / returned ${status}`)
    return performance.now() - start
  }
} finally {
  await postgres.remove()
}
process.exit(0)
