import type { EntryView, LeadView } from './views.ts'

/**
 * Returns the time and the reason of a post on a page that merges `feeds`. Only its entries in these feeds count. The
 * time is the newest `at`. If one of the entries is `posted`, there is no reason; otherwise it is that of the newest
 * entry. Returns null if the post has no entry in these feeds. The query in `feeds/feeds.ts` selects the same time.
 */
export function leadEntry(entries: EntryView[], feeds: ReadonlySet<string>): LeadView | null {
  const shown = entries.filter((entry) => feeds.has(entry.feed))
  const newest = shown.reduce<EntryView | null>(
    (lead, entry) => (lead === null || newer(entry, lead) ? entry : lead),
    null,
  )
  if (newest === null) return null
  if (shown.some((entry) => entry.reason === 'posted')) return { at: newest.at, reason: null, actor: null }
  return { at: newest.at, reason: newest.reason as 'commented' | 'liked', actor: newest.actor }
}

/**
 * Of two entries with the same time, that of the feed with the greater id counts as newer, so that the order is always
 * defined.
 */
function newer(a: EntryView, b: EntryView): boolean {
  if (a.at !== b.at) return a.at > b.at
  return BigInt(a.feed) > BigInt(b.feed)
}

/** The order of posts on a page: by (at, id), newest first. */
export function comparePosts(
  a: { id: string; entry: { at: string } },
  b: { id: string; entry: { at: string } },
): number {
  if (a.entry.at !== b.entry.at) return a.entry.at > b.entry.at ? -1 : 1
  return a.id === b.id ? 0 : BigInt(a.id) > BigInt(b.id) ? -1 : 1
}
