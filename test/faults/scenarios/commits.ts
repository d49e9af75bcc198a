import { pause, until } from '../cluster/cluster.ts'
import type { Fault } from '../run.ts'

/** The lock of the log (sql/20_log.sql). Every commit needs it. */
const LOG_LOCK = '7230, 1'

const COMMITTING = `
  from pg_stat_activity
  where application_name like 'koafeed:pool:%' and state = 'active' and query = 'commit' and wait_event_type = 'Lock'`

/**
 * Connections break while their commit is under way: in turn before it is done, and after it, with the answer lost. The
 * instance cannot tell the two cases apart. It must answer 503 and not repeat the write.
 */
export const commitLost: Fault = {
  name: 'a commit gets no answer',
  amount: { long: 20_000, short: 4_000 },
  writers: { every: 30 },
  async inject({ cluster: { postgres, nodes }, amount: duration, addRemark }) {
    // Two connections: within a transaction, pg_stat_activity does not change.
    const [holder, database] = [await postgres.connect(), await postgres.connect()]
    let before = 0
    let after = 0
    for (const end = Date.now() + duration; Date.now() < end; await pause(100)) {
      await holder.query(`begin; select pg_advisory_xact_lock(${LOG_LOCK})`)
      const count = async (): Promise<number> => (await database.query(`select ${COMMITTING}`)).rowCount ?? 0
      await until(async () => (await count()) > 0, 5_000, 'a commit')
      if (before <= after) {
        before += (await database.query(`select pg_terminate_backend(pid) ${COMMITTING}`)).rowCount ?? 0
        await holder.query('commit')
      } else {
        after += await count()
        for (const { pool } of nodes) pool.loseAnswers()
        await holder.query('commit')
        await until(async () => (await count()) === 0, 5_000, 'the commits to end')
        for (const { pool } of nodes) pool.breakConnections()
      }
    }
    await Promise.all([holder.end(), database.end()])
    addRemark(`${before} commits broken before they were done, ${after} after`)
  },
}
