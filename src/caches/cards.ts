import { LRUCache } from 'lru-cache'
import type { LogEvent, LogObserver } from '../lib/log-observer.ts'
import type { PostView } from '../shared/views.ts'
import type { Changes } from './changes.ts'
import type { Lookups } from './lookups.ts'
import type { Position } from './position.ts'

/** Bounds how long a card may differ from rows that were changed while triggers were off. */
const MAX_AGE_MS = 60_000
/** A round reads missing cards or waits for the log. Cards may change meanwhile. */
const MAX_ROUNDS = 5

/** A cache of cards by post. Events of the log update it, so most pages need no query for cards. */
export interface Cards {
  /**
   * Returns the present cards of these posts, at `seq` or later. Posts that have been deleted are missing. The same
   * object is returned until the card changes: do not change it. Returns null if this instance cannot follow the log,
   * so that the caller must read the cards from the database.
   */
  get(ids: readonly string[], seq: number): Promise<Map<string, PostView> | null>
}

/** The state of one snapshot. */
export interface CardRows {
  seq: number
  /** By post id; deleted posts are missing. */
  cards: Record<string, PostView>
}

export interface CardsDeps {
  /** Reads cards for all pages that miss them at about the same time. */
  readCards(ids: string[]): Promise<CardRows>
  position: Position
  changes: Changes
  lookups: Lookups
  /** The most heap that the cache may take, as `sizeOf` estimates it. */
  maxBytes: number
}

interface Cached {
  card: PostView
  /** The card contains the changes of its post up to this event, and perhaps later ones. */
  seq: number
  /** The names on the card are current as of this event. */
  namesSeq: number
}

export function createCards(deps: CardsDeps): Cards & { observer: LogObserver } {
  const { position, changes, lookups } = deps
  const store = createStore(deps.maxBytes, changes)

  /** Reads cards into the cache, and returns the ids of deleted posts; null if the log went back meanwhile. */
  async function fill(ids: string[]): Promise<{ gone: string[] } | null> {
    const [since, epoch] = [position.seq(), position.epoch()]
    const { seq, cards } = await deps.readCards(ids)
    if (seq < since || position.epoch() !== epoch) return null
    for (const card of Object.values(cards)) {
      if (!changes.posts.changedAfter(card.id, seq)) store.put(card, seq)
    }
    return { gone: ids.filter((id) => !(id in cards)) }
  }

  return {
    async get(ids, seq) {
      const gone = new Set<string>()
      let least = seq
      for (let round = 0; round < MAX_ROUNDS && position.isCurrent(); round++) {
        if (!(await position.reach(least))) return null
        const { found, missing, newest } = store.findAll(ids, gone)
        if (round === 0) {
          lookups.hits += found.size
          lookups.misses += missing.length
        }
        // A card that was read from the database may be ahead of the log. It may show content that the viewer must no
        // longer see, although this instance does not have the event that ended the right.
        if (newest > position.seq()) least = newest
        else if (missing.length === 0) return found
        else {
          const filled = await fill(missing)
          if (filled === null) return null
          for (const id of filled.gone) gone.add(id)
        }
      }
      return null
    },
    observer: {
      accept(event) {
        const card = cardOf(event)
        if (card) store.put(card, event.seq)
        else if (event.event === 'post') store.delete(String((event.payload.post as { id?: unknown })?.id))
      },
      reset: store.clear,
    },
  }
}

/** Cards by post. Drops the cards that show an old name. */
function createStore(maxBytes: number, changes: Changes) {
  const cached = new LRUCache<string, Cached>({
    maxSize: maxBytes,
    sizeCalculation: ({ card }) => sizeOf(card),
    ttl: MAX_AGE_MS,
  })

  function find(id: string): Cached | null {
    const found = cached.get(id)
    if (found === undefined) return null
    if (found.namesSeq < changes.names.newest()) {
      if (namesOn(found.card).some((name) => changes.names.changedAfter(name, found.namesSeq))) {
        cached.delete(id)
        return null
      }
      found.namesSeq = changes.names.newest()
    }
    return found
  }

  return {
    /** Ignores a card that is older than the one in the cache. */
    put(card: PostView, seq: number): void {
      const known = cached.peek(card.id)
      if (known === undefined || known.seq < seq) cached.set(card.id, { card, seq, namesSeq: seq })
    },
    /** Looks up the posts, except those in `gone`. `newest` is the event that the newest of the cards contains. */
    findAll(ids: readonly string[], gone: ReadonlySet<string>) {
      const found = new Map<string, PostView>()
      const missing: string[] = []
      let newest = 0
      for (const id of ids) {
        const one = find(id)
        if (one) {
          found.set(id, one.card)
          newest = Math.max(newest, one.seq)
        } else if (!gone.has(id)) missing.push(id)
      }
      return { found, missing, newest }
    },
    delete: (id: string) => void cached.delete(id),
    clear: () => cached.clear(),
  }
}

function cardOf({ payload }: LogEvent): PostView | null {
  const post = payload.post as Partial<PostView> | undefined
  return post?.body === undefined ? null : (post as PostView)
}

/** The people and the group that the card names. */
function namesOn({ author, group, likers, comments, entries }: PostView): string[] {
  const people = [author, ...likers, ...comments.map((one) => one.author), ...entries.map((one) => one.actor)]
  const names = people.map(({ id }) => `user:${id}`)
  return group ? [...names, `group:${group.id}`] : names
}

/** An estimate of the heap that a card takes, in bytes. */
function sizeOf({ body, likers, comments, entries }: PostView): number {
  const texts = comments.reduce((sum, comment) => sum + comment.body.length, body.length)
  return 1_000 + 2 * texts + 500 * comments.length + 200 * likers.length + 400 * entries.length
}
