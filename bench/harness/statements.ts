import { withClient } from './postgres.ts'

/**
 * Counts the statements that clients send to a database while `work` runs: `pg_stat_statements` counts those of the
 * outermost level, so statements inside functions and triggers do not count.
 */
export async function countStatements(databaseUrl: string, work: () => Promise<unknown>): Promise<number> {
  return withClient(databaseUrl.replace(/[^/]+$/, 'postgres'), async (client) => {
    const track = async (what: 'top' | 'none'): Promise<void> => {
      await client.query(`alter system set pg_stat_statements.track = '${what}'`)
      await client.query('select pg_reload_conf()')
    }
    await client.query('create extension if not exists pg_stat_statements')
    await track('top')
    try {
      await client.query('select pg_stat_statements_reset()')
      await work()
      const { rows } = await client.query<{ calls: number }>(
        `select coalesce(sum(calls), 0)::float8 as calls
         from pg_stat_statements s join pg_database d on d.oid = s.dbid
         where d.datname = $1`,
        [databaseUrl.split('/').at(-1)],
      )
      return rows[0]!.calls
    } finally {
      await track('none')
    }
  })
}
