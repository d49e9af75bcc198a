import { isRightsChange } from '../../src/stream/log/events.ts'
import type { Page } from '../../src/stream/rights.ts'
import type { Committed } from './world/log.ts'
import { feedOf, GROUP_FEEDS, isPrivate, PUBLIC_FEED } from './states.ts'
import type { SimulatedLog } from './world/log.ts'

/** The pages that a client shows. */
export interface Audience {
  user: number | null
  session: string | null
  home: boolean
  pages: Page[]
}

/** Whether the client must get this event, by the rights at that position of the log. */
export function mayReceive(log: SimulatedLog, audience: Audience, { row, rights }: Committed): boolean {
  if (isRightsChange(row)) return false
  const { user, session, home, pages } = audience
  const isSignedIn = session !== null && !rights.endedSessions.has(session)
  const subscribed = user !== null && isSignedIn ? rights.feeds.get(user) : undefined
  const mayShow = (feed: number): boolean => !isPrivate(feed) || (subscribed?.has(feed) ?? false)
  return row.topics.some((topic) => {
    if (topic === 'all') return true
    const [kind, id] = topic.split(':') as [string, string]
    if (kind === 'post') {
      const group = log.groupOfPost(Number(id))
      return (
        pages.some((page) => page.kind === 'posts' && page.key === id) && (group === null || mayShow(group))
      )
    }
    const feed = Number(id)
    if (home && subscribed?.has(feed)) return true
    return mayShow(feed) && pages.some((page) => feedOfPage(page) === feed)
  })
}

/** Whether the client must load its state again after this change of rights. */
export function needsReset({ user, session, home, pages }: Audience, { row }: Committed): boolean {
  if (user === null || !isRightsChange(row) || row.topics[0] !== `user:${user}`) return false
  if (row.event === 'session') return row.payload.session === session
  return (
    home || pages.some((page) => feedOfPage(page) === Number(row.payload.feed) && isPrivate(feedOfPage(page)))
  )
}

export function feedOfPage({ kind, key }: Page): number {
  if (kind === 'public') return PUBLIC_FEED
  if (kind === 'users') return feedOf(Number(key.slice('user'.length)))
  if (kind === 'groups') return Number(key.slice('group'.length))
  return 0
}

export const publicPage: Page = { kind: 'public', key: '' }
export const userPage = (user: number): Page => ({ kind: 'users', key: `user${user}` })
export const groupPage = (index: number): Page => ({ kind: 'groups', key: `group${GROUP_FEEDS[index]}` })
