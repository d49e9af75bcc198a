import type { LogEvent, LogObserver } from '../lib/log-observer.ts'
import { createRecentChanges, type RecentChanges } from './recent-changes.ts'

/** The recent changes in the log. */
export interface Changes {
  /** By post id. */
  posts: Pick<RecentChanges, 'changedAfter'>
  /** The posts of a feed, and how pages show them, by feed id. */
  feeds: Pick<RecentChanges, 'changedAfter' | 'newest'>
  /** The names of groups, the names and pictures of people, and deleted accounts: `user:ID` and `group:ID`. */
  names: Pick<RecentChanges, 'changedAfter' | 'newest'>
  /** Subscriptions, ownership and ended sessions, by user id. */
  rights: Pick<RecentChanges, 'changedAfter'>
}

export function createChanges(): Changes & { observer: LogObserver } {
  const posts = createRecentChanges()
  const feeds = createRecentChanges()
  const names = createRecentChanges()
  const rights = createRecentChanges()

  function accept({ seq, event, topics, payload }: LogEvent): void {
    for (const topic of topics) if (topic.startsWith('feed:')) feeds.note(topic.slice('feed:'.length), seq)
    const post = (payload.post as { id?: unknown } | undefined)?.id
    if (typeof post === 'string') posts.note(post, seq)
    else if (event === 'user' || event === 'account') names.note(`user:${String(payload.id)}`, seq)
    else if (event === 'group') names.note(`group:${String(payload.id)}`, seq)
    else if (event === 'ownership' || event === 'admin') rights.note(String(payload.user), seq)
    else if (event === 'subscription' || event === 'session') {
      for (const topic of topics) rights.note(topic.slice('user:'.length), seq)
    }
  }

  return {
    posts,
    feeds,
    names,
    rights,
    observer: {
      accept,
      reset(seq) {
        for (const changes of [posts, feeds, names, rights]) changes.reset(seq)
      },
    },
  }
}
