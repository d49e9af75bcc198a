import pg from 'pg'
import type { NameOf } from '../statement-names.ts'
import { createBatchRunner, type RunBatch } from './batch.ts'
import { commitGroup, type GroupWrite, type Outcome } from './transaction.ts'

/** A connection for groups of writes. */
export interface GroupSession {
  /** Commits the writes in one transaction. Never rejects. */
  commit(group: readonly GroupWrite[]): Promise<Outcome[]>
  end(): Promise<void>
}

interface Connection {
  client: pg.Client
  run: Promise<RunBatch>
}

/** Connects for the first group, and again after the connection is lost or a response times out. */
export function createGroupSession({
  nameOf,
  ...config
}: pg.ClientConfig & { nameOf: NameOf }): GroupSession {
  let current: Connection | null = null

  function connect(): Connection {
    const client = new pg.Client({ ...config, keepAlive: true })
    const connection = {
      client,
      run: client.connect().then(() => createBatchRunner(client, nameOf)),
    }
    client.on('error', () => discard(connection))
    client.on('end', () => discard(connection))
    return connection
  }

  function discard(connection: Connection): void {
    if (current === connection) current = null
    void connection.client.end().catch(() => {})
  }

  return {
    async commit(group) {
      const connection = (current ??= connect())
      const run = await connection.run.catch(() => null)
      if (run === null) {
        discard(connection)
        return group.map(() => 'alone')
      }
      const { outcomes, isUsable } = await commitGroup(run, group)
      if (!isUsable) discard(connection)
      return outcomes
    },
    async end() {
      await current?.client.end().catch(() => {})
    },
  }
}
