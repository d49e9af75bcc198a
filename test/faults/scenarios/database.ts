import { pause, until } from '../cluster.ts'
import { expectWhy } from './load.ts'
import { newestSeq } from '../database-state.ts'
import type { Fault, Scene } from '../run.ts'

export const listenCut: Fault = {
  name: 'the LISTEN connection is cut',
  hold: { long: 20_000, short: 3_000 },
  async happen({ cluster, hold }) {
    for (const end = Date.now() + hold; Date.now() < end;) {
      await cluster.postgres.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'koafeed:listener:%'`,
      )
      await pause(400)
    }
  },
}

export const crash: Fault = {
  name: 'PostgreSQL restarts and crashes',
  hold: { long: 5_000, short: 1_000 },
  async happen({ cluster: { postgres }, hold }) {
    await postgres.stop('immediate')
    await postgres.start()
    await pause(hold)
    const find = async () =>
      postgres.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name like 'koafeed:pool:%' order by query_start desc limit 1`,
      )
    // The balancer sends no requests before the instances listen again, so for a while their pools are empty.
    await until(async () => (await find()).length > 0, 10_000, 'a connection of a pool')
    const [backend] = await find()
    if (!backend) throw new Error('there is no backend to kill')
    process.kill(backend.pid, 'SIGKILL')
  },
}

export const away: Fault = {
  name: 'PostgreSQL is away',
  hold: { long: 60_000, short: 3_000 },
  async happen(scene) {
    const { cluster, hold } = scene
    await cluster.postgres.stop('fast')
    await pause(hold)
    await expectWhy(scene, /listening|does not answer/)
    await cluster.postgres.start()
  },
}

/** An older copy is put back under running instances; then the operator does what docs/operations.md says. */
export const wentBack: Fault = {
  name: 'the database went back',
  hold: { long: 10_000, short: 2_000 },
  async prepare({ postgres }) {
    await postgres.stop('fast')
    await postgres.keepCopy()
    await postgres.start()
  },
  async happen(scene) {
    const { cluster, hold, note, followers } = scene
    const { postgres, nodes } = cluster
    const [late] = nodes
    await pause(hold)
    // One instance hears of it only when the new numbers have passed the ones it knows.
    late!.pool.silence()
    late!.listen.silence()
    const before = await newestSeq(cluster)
    await postgres.stop('immediate')
    await postgres.putBack()
    scene.forgotten(Date.now())
    await postgres.start()
    await until(async () => (await newestSeq(cluster)) > before + 20, 30_000, 'the numbers to be passed')
    late!.pool.mend()
    late!.listen.mend()
    await untilReset(scene)
    await postgres.query(`select setval('log_seq', (select max(seq) from log) + 1000000)`)
    await postgres.query(`select append_log('restored', '{}', '{}')`)
    await postgres.query(`delete from log where seq < (select max(seq) from log where event = 'restored')`)
    note(`${followers.reduce((sum, one) => sum + resetsOf(one), 0)} resets`)
  },
}

async function untilReset({ followers, breach }: Scene): Promise<void> {
  const everybody = (): boolean => followers.every((one) => resetsOf(one) > 0)
  await until(everybody, 10_000, 'everybody to be reset').catch((error: Error) => breach(error.message))
}

function resetsOf({ ledger }: Scene['followers'][number]): number {
  return ledger.filter(({ kind }) => kind === 'reset').length
}
