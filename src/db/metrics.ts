import type { DatabasePool } from 'slonik'
import type { Metrics } from '../lib/metrics.ts'

const WAIT_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 1.2]
/** Up to `MAX_GROUP` of group/queue.ts. */
const GROUP_BUCKETS = [1, 2, 4, 8, 16, 32, 60]

/** What the database layer reports while it works. */
export interface DatabaseMeasures {
  /** A request waited for a connection of the pool, this many seconds; also one that got none. */
  onWait(seconds: number): void
  /** A transaction of this many gathered writes ended. */
  onGroup(size: number): void
}

export function createDatabaseMeasures({ histogram }: Metrics): DatabaseMeasures {
  return {
    onWait: histogram('koafeed_db_wait_seconds', 'Time that queries wait for a connection', {
      buckets: WAIT_BUCKETS,
    }),
    onGroup: histogram('koafeed_write_group_size', 'Writes that share a transaction', {
      buckets: GROUP_BUCKETS,
    }),
  }
}

export function addPoolMetrics({ gauge }: Metrics, db: DatabasePool): void {
  gauge('koafeed_db_connections', 'Connections of the pool to PostgreSQL', () => {
    const { acquiredConnections, idleConnections, pendingConnections } = db.state()
    return [
      [{ state: 'used' }, acquiredConnections],
      [{ state: 'idle' }, idleConnections],
      [{ state: 'connecting' }, pendingConnections],
    ]
  })
  gauge('koafeed_db_waiting', 'Queries that wait for a connection', () => db.state().waitingClients)
}
