import type { EntryView, LeadView } from './views.ts'

/**
 * Where a post stands on a page that merges `feeds`: at the newest `at` among its entries there; without a reason
 * if one of them is `posted`, otherwise with the newest reason. Null where the post is in none of them.
 * The home query in `feeds/feeds.ts` states the same rule in SQL.
 */
export function leadEntry(entries: EntryView[], feeds: ReadonlySet<string>): LeadView | null {
  const mine = entries.filter((entry) => feeds.has(entry.feed))
  const newest = mine.reduce<EntryView | null>(
    (lead, entry) => (lead === null || newer(entry, lead) ? entry : lead),
    null,
  )
  if (newest === null) return null
  if (mine.some((entry) => entry.reason === 'posted')) return { at: newest.at, reason: null, actor: null }
  return { at: newest.at, reason: newest.reason as 'commented' | 'liked', actor: newest.actor }
}

/** Newest first; of two at one instant the feed with the greater id leads, so that the choice is the same everywhere. */
function newer(a: EntryView, b: EntryView): boolean {
  if (a.at !== b.at) return a.at > b.at
  return BigInt(a.feed) > BigInt(b.feed)
}

/** Pages order posts by (at, id), newest first. */
export function comparePosts(
  a: { id: string; entry: { at: string } },
  b: { id: string; entry: { at: string } },
): number {
  if (a.entry.at !== b.entry.at) return a.entry.at > b.entry.at ? -1 : 1
  return a.id === b.id ? 0 : BigInt(a.id) > BigInt(b.id) ? -1 : 1
}
