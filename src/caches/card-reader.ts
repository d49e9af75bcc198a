import { withinDeadline, withoutDeadline } from '../db/deadline.ts'
import { sql, type Db } from '../db/pool.ts'
import { withinQuery } from '../db/query-slots.ts'
import { createSharedRead } from './shared-read.ts'
import type { CardRows, CardsDeps } from './cards.ts'

/** Cards of one statement, which takes up to 0.4 ms for each. */
const MAX_CARDS = 200

/** Creates a reader that runs one statement at a time, for all pages that miss cards. */
export function createCardReader(db: Db): CardsDeps['readCards'] {
  // Many requests share the statement, so the deadline and the query limit of a single one do not apply to it.
  const read = createSharedRead(
    (ids: string[]) => withoutDeadline(() => withinQuery(() => readCards(db, ids))),
    MAX_CARDS,
  )
  return (ids) => withinDeadline(() => read(ids))
}

async function readCards(db: Db, ids: string[]): Promise<CardRows> {
  const { seq, cards } = await db.one(sql.row<{ seq: string; cards: CardRows['cards'] }>()`
    select
      coalesce((select max(seq) from log), 0) as seq,
      (
        select coalesce(json_object_agg(p.id, post_card(p)), '{}')
        from posts p
        join users author on author.id = p.author_id and author.deleted_at is null
        where p.id = any(${sql.array(ids, 'int8')})
      ) as cards`)
  return { seq: Number(seq), cards }
}
