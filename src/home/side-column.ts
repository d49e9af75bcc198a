import { createValues } from '../caches/values.ts'
import { START } from '../db/pagination.ts'
import { sql } from '../db/pool.ts'
import type { FeedDeps } from '../feeds/page.ts'
import { listFollowing, listSuggestions } from '../follows/follows.ts'
import { listMyGroupNames } from '../groups/my-groups.ts'
import type { SideColumn } from '../shared/pages.ts'

/** Side columns that one instance keeps; up to 10 kB each. */
const MAX_SIDE_COLUMNS = 2_000
/** Suggestions also depend on the actions of other people, whose events do not invalidate this cache. */
const MAX_AGE_MS = 60_000

/** A cache of what the home pages show beside the posts. */
export function createSideColumns({ db, caches }: FeedDeps) {
  const cached = createValues<SideColumn>({
    caches,
    name: 'side_column',
    read,
    hasChanged: ({ people, following, groups }, { key, seq, changes: { rights, names } }) =>
      rights.changedAfter(key, seq) ||
      (names.newest() > seq &&
        [
          ...[...people, ...following].map(({ id }) => `user:${id}`),
          ...groups.map(({ id }) => `group:${id}`),
        ].some((name) => names.changedAfter(name, seq))),
    max: MAX_SIDE_COLUMNS,
  })

  async function read(userId: string) {
    const me = { id: userId }
    // Read first, so that the other reads are not older than `seq`.
    const seq = await db.oneFirst(
      sql.row<{ seq: string }>()`select coalesce((select max(seq) from log), 0) as seq`,
    )
    const [people, { people: following }, groups] = await Promise.all([
      listSuggestions(db, me),
      listFollowing(db, userId, me, START),
      listMyGroupNames(db, me),
    ])
    return { seq: Number(seq), value: { people, following, ...groups }, maxAge: MAX_AGE_MS }
  }

  return {
    /** Returns the side column with all changes up to `seq`. */
    async get(me: { id: string }, seq: string): Promise<SideColumn> {
      return (await cached.get(me.id, Number(seq)))!
    },
  }
}
