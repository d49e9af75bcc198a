import type pg from 'pg'
import { withClient } from './postgres.ts'

/** Counts the statements that clients send to a database while `work` runs, without those inside functions and triggers. */
export async function countStatements(databaseUrl: string, work: () => Promise<unknown>): Promise<number> {
  return track(databaseUrl, 'top', work, async (client) => {
    const { rows } = await client.query<{ calls: number }>(
      `select coalesce(sum(calls), 0)::float8 as calls ${FROM}`,
      [databaseUrl.split('/').at(-1)],
    )
    return rows[0]!.calls
  })
}

/** Returns all statements that run while `work` runs; the time of one contains that of the statements inside it. */
export async function statementTimes(
  databaseUrl: string,
  work: () => Promise<unknown>,
): Promise<{ query: string; calls: number; milliseconds: number }[]> {
  return track(databaseUrl, 'all', work, async (client) => {
    const { rows } = await client.query(
      `select left(regexp_replace(query, '\\s+', ' ', 'g'), 120) as query, calls::float8 as calls,
         total_exec_time + total_plan_time as milliseconds
       ${FROM} order by milliseconds desc limit 50`,
      [databaseUrl.split('/').at(-1)],
    )
    return rows
  })
}

const FROM = 'from pg_stat_statements s join pg_database d on d.oid = s.dbid where d.datname = $1'

/** Turns `pg_stat_statements` on while `work` runs; it costs time, so it is off otherwise. */
async function track<Result>(
  databaseUrl: string,
  what: 'top' | 'all',
  work: () => Promise<unknown>,
  read: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  return withClient(databaseUrl.replace(/[^/]+$/, 'postgres'), async (client) => {
    const set = async (level: string): Promise<void> => {
      await client.query(`alter system set pg_stat_statements.track = '${level}'`)
      await client.query(
        `alter system set pg_stat_statements.track_planning = '${level === 'all' ? 'on' : 'off'}'`,
      )
      await client.query('select pg_reload_conf()')
    }
    await client.query('create extension if not exists pg_stat_statements')
    await set(what)
    try {
      await client.query('select pg_stat_statements_reset()')
      await work()
      return await read(client)
    } finally {
      await set('none')
    }
  })
}
