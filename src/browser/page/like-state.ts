import type { LikesView } from '../../shared/views.ts'

/** Whether the viewer likes a post or a comment, by its id. An id without a value is not known. */
export type LikeState = Record<keyof LikesView, Map<string, boolean>>

const KINDS = ['posts', 'comments'] as const

/** Stores a response of the server: of the posts and comments in `ids`, the viewer likes those in `liked`. */
export function setLikes(state: LikeState, ids: LikesView, liked: LikesView): void {
  for (const kind of KINDS) {
    for (const id of ids[kind]) state[kind].set(id, false)
    for (const id of liked[kind]) state[kind].set(id, true)
  }
}

/** The ids that the viewer likes, for the templates. */
export function likedIds(state: LikeState): LikesView {
  const liked = (kind: keyof LikesView) => [...state[kind].keys()].filter((id) => state[kind].get(id))
  return { posts: liked('posts'), comments: liked('comments') }
}
