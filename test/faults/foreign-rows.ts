import type { BenchPostgres } from './cluster/postgres.ts'

const CHUNK = 20_000

/** Writes events without subscribers. Takes the lock of the log, so that others may write at the same time. */
export async function writeForeignRows(
  { query }: Pick<BenchPostgres, 'query'>,
  count: number,
): Promise<void> {
  for (let written = 0; written < count; written += CHUNK) {
    await query(
      `with lock as materialized (select pg_advisory_xact_lock(7230, 1))
       insert into log (seq, event, topics, payload)
       select nextval('log_seq'), 'like', array['feed:99999' || n % 7, 'post:99999' || n],
         '{"post": {"id": "0"}}'
       from lock, generate_series(1, $1::int) n`,
      [Math.min(CHUNK, count - written)],
    )
  }
}
