import { pause, until } from '../cluster/cluster.ts'
import { expectReason } from './load.ts'
import { newestSeq } from '../database-state.ts'
import type { Fault, FaultContext } from '../run.ts'

export const listenCut: Fault = {
  name: 'the LISTEN connection is cut',
  amount: { long: 20_000, short: 3_000 },
  async inject({ cluster, amount: duration }) {
    for (const end = Date.now() + duration; Date.now() < end;) {
      await cluster.postgres.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'koafeed:listener:%'`,
      )
      await pause(400)
    }
  },
}

export const crash: Fault = {
  name: 'PostgreSQL restarts and crashes',
  amount: { long: 5_000, short: 1_000 },
  async inject({ cluster: { postgres }, amount: duration }) {
    await postgres.stop('immediate')
    await postgres.start()
    await pause(duration)
    const find = async () =>
      postgres.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name like 'koafeed:pool:%' order by query_start desc limit 1`,
      )
    // The pools are empty at first, because the balancer sends requests only after the instances listen again.
    await until(async () => (await find()).length > 0, 10_000, 'a connection of a pool')
    const [backend] = await find()
    if (!backend) throw new Error('there is no backend to kill')
    process.kill(backend.pid, 'SIGKILL')
  },
}

export const away: Fault = {
  name: 'PostgreSQL is away',
  amount: { long: 60_000, short: 3_000 },
  async inject(context) {
    const { cluster, amount: duration } = context
    await cluster.postgres.stop('fast')
    await pause(duration)
    await expectReason(context, /listening|does not answer/)
    await cluster.postgres.start()
  },
}

/** The database is restored from a copy while instances run; then the operator follows docs/operations.md. */
export const wentBack: Fault = {
  name: 'the database went back',
  amount: { long: 10_000, short: 2_000 },
  async prepare({ postgres }) {
    await postgres.stop('fast')
    await postgres.saveCopy()
    await postgres.start()
  },
  async inject(context) {
    const { cluster, amount: duration, addRemark, followers } = context
    const { postgres, nodes } = cluster
    const [late] = nodes
    await pause(duration)
    // This instance reads the database again only after the new numbers have passed its position.
    late!.pool.silence()
    late!.listen.silence()
    const before = await newestSeq(cluster)
    await postgres.stop('immediate')
    await postgres.restoreCopy()
    context.markRestored(Date.now())
    await postgres.start()
    await until(
      async () => (await newestSeq(cluster)) > before + 20,
      30_000,
      'the new numbers to pass the old ones',
    )
    late!.pool.restore()
    late!.listen.restore()
    await untilReset(context)
    await postgres.query(`select setval('log_seq', (select max(seq) from log) + 1000000)`)
    await postgres.query(`select append_log('restored', '{}', '{}')`)
    await postgres.query(`delete from log where seq < (select max(seq) from log where event = 'restored')`)
    addRemark(`${followers.reduce((sum, one) => sum + resetsOf(one), 0)} resets`)
  },
}

async function untilReset({ followers, reportViolation }: FaultContext): Promise<void> {
  const areAllReset = (): boolean => followers.every((one) => resetsOf(one) > 0)
  await until(areAllReset, 10_000, 'every follower to be reset').catch((error: Error) =>
    reportViolation(error.message),
  )
}

function resetsOf({ ledger }: FaultContext['followers'][number]): number {
  return ledger.filter(({ kind }) => kind === 'reset').length
}
