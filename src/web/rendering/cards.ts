import { CARD, type FeedPostView, type LikesView, type Me, type PostView } from '../../shared/views.ts'
import { fill, type HoleValues, type PieceRenderer, type Pieces } from './pieces.ts'

/** A page's variables that the card of a post depends on. */
export interface CardViewer {
  me: Me | null
  likes: LikesView
}

/** How much HTML the cache holds, in characters. A rendered card has about 5,000. */
const MAX_LENGTH = 16_000_000

/**
 * Renders the cards of a feed: the same text as `partials/post.njk`. Keeps the HTML as long as the card object exists,
 * for all viewers to whom the card looks the same.
 */
export function createCardRenderer(render: PieceRenderer, maxLength = MAX_LENGTH) {
  const cache = createCardCache(maxLength)
  return (post: FeedPostView, { me, likes }: CardViewer, holes: HoleValues): string => {
    const card = post[CARD]
    if (card === undefined) return fill(render('post', { post, me, likes, full: false }), holes)
    const key = viewKey(post, me, likes)
    let pieces = cache.get(card, key)
    if (pieces === undefined) {
      pieces = render('post', { post, me, likes, full: false })
      cache.set(card, key, pieces)
    }
    return fill(pieces, holes)
  }
}

/** Everything that `partials/post.njk` reads besides the card and the holes. Two views with the same key look the same. */
function viewKey(
  { id, author, group, likers, comments, entry }: FeedPostView,
  me: Me | null,
  likes: LikesView,
): string {
  const { at, reason, actor } = entry
  const place = reason === null ? at : JSON.stringify([at, reason, actor])
  if (me === null) return place
  const isOwner = group !== null && me.owns.includes(group.id)
  let key = `${place} ${flag(me.id === author.id)}${flag(isOwner)}${flag(likes.posts.includes(id))}`
  if (reason !== null) key += flag(actor?.id === me.id)
  key += likers.findIndex((liker) => liker.id === me.id) // the line of likers leaves out the viewer's name
  for (const comment of comments) {
    key += flag(comment.author.id === me.id) + flag(likes.comments.includes(comment.id))
  }
  return key
}

function flag(value: boolean): '0' | '1' {
  return value ? '1' : '0'
}

/**
 * Holds the HTML of the cards that were used last. When the newer half is full, it becomes the older half, and the
 * older half is dropped. The cards are weak keys.
 */
function createCardCache(maxLength: number) {
  let newer = new WeakMap<PostView, Map<string, Pieces>>()
  let older = newer
  let length = 0

  function set(card: PostView, key: string, pieces: Pieces): void {
    length += lengthOf(pieces)
    if (length > maxLength / 2) {
      older = newer
      newer = new WeakMap()
      length = lengthOf(pieces)
    }
    const views = newer.get(card)
    if (views) views.set(key, pieces)
    else newer.set(card, new Map([[key, pieces]]))
  }

  return {
    get(card: PostView, key: string): Pieces | undefined {
      const found = newer.get(card)?.get(key)
      if (found) return found
      const used = older.get(card)?.get(key)
      if (used) set(card, key, used)
      return used
    },
    set,
  }
}

function lengthOf({ html }: Pieces): number {
  return html.reduce((sum, text) => sum + text.length, 0)
}
