import type { EntryView, PageEntryView } from './views.ts'

/**
 * Returns the time and the reason of a post on a page that merges `feeds`. Only its entries in these feeds count. The
 * time is the newest `at`. The reason is null if one of the entries is `posted`, otherwise it is that of the newest
 * entry. Returns null if the post has no entry in these feeds. The query in `feeds/feeds.ts` selects the same time.
 */
export function pageEntry(entries: EntryView[], feeds: ReadonlySet<string>): PageEntryView | null {
  const onPage = entries.filter((entry) => feeds.has(entry.feed))
  const newest = onPage.reduce<EntryView | null>(
    (found, entry) => (found === null || isNewer(entry, found) ? entry : found),
    null,
  )
  if (newest === null) return null
  if (onPage.some((entry) => entry.reason === 'posted')) return { at: newest.at, reason: null, actor: null }
  return { at: newest.at, reason: newest.reason as 'commented' | 'liked', actor: newest.actor }
}

/**
 * If two entries have the same time, the one whose feed has the greater id counts as newer. So every instance and every
 * page selects the same one.
 */
function isNewer(a: EntryView, b: EntryView): boolean {
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
