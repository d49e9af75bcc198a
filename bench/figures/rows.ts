import type pg from 'pg'
import { median, type Bench } from '../harness/bench.ts'
import { moveToCore } from '../harness/cores.ts'
import { defineMeasurement } from '../harness/figure.ts'
import { withClient } from '../harness/servers/postgres.ts'

const ROWS = 300

/** Rows that a program inserts with plain SQL: a seventh posts, three sevenths comments and likes each. */
export const rows = defineMeasurement({
  name: 'rows',
  figures: {
    rows: { name: 'rows by plain SQL, 300 per commit', unit: 'per s', better: 'higher', goal: 4_000 },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    // PostgreSQL is the server here, so this process moves to the other core.
    moveToCore(bench.cores.server, process.pid)
    try {
      return await withClient(databaseUrl, async (client) => {
        for (const table of ['posts', 'comments', 'post_likes']) {
          await client.query(`create table bare_${table} (like ${table} including all)`)
        }
        await client.query('alter table bare_post_likes alter column created_at set default now()')
        await client.query('alter table bare_comments alter column created_at set default now()')
        const bare: number[] = []
        const product: number[] = []
        for (let run = 0; run < bench.runs; run++) {
          bare.push(await insertRows(bench, client, 'bare_', run))
          product.push(await insertRows(bench, client, '', run))
        }
        const floor = { name: 'plain inserts', value: median(bare) }
        return { rows: { value: median(product), floor } }
      })
    } finally {
      moveToCore(bench.cores.load, process.pid)
    }
  },
})

/** Returns rows per second. */
async function insertRows(bench: Bench, client: pg.Client, prefix: string, run: number): Promise<number> {
  const rounds = bench.quick ? 1 : 4
  const { posts, people } = bench.size
  const start = performance.now()
  for (let round = 0; round < rounds; round++) {
    await client.query(
      `insert into ${prefix}posts (author_id, body)
       select 1 + n % ${people}, 'Post ' || n || repeat(' some words', 15) from generate_series(1, ${ROWS}) n`,
    )
    for (let third = 0; third < 3; third++) {
      const first = ((run * rounds + round) * 3 + third) * ROWS
      await client.query(
        `insert into ${prefix}comments (post_id, author_id, body)
         select 1 + (n * 7) % ${posts}, 1 + n % ${people}, 'Comment ' || n || repeat(' some words', 8)
         from generate_series(${first + 1}, ${first + ROWS}) n`,
      )
      await client.query(
        `insert into ${prefix}post_likes (post_id, user_id)
         select 1 + (n * 13) % ${posts}, 1 + (n * 3) % ${people} from generate_series(${first + 1}, ${first + ROWS}) n
         on conflict do nothing`,
      )
    }
  }
  return (rounds * 7 * ROWS) / ((performance.now() - start) / 1_000)
}
