import type { CommentView, PostView, UserView } from '../../shared/views.ts'

/** The payload of `post`, `comment` and `like` events (docs/stream.md, "Events"). */
export interface Change {
  action: string
  post: PostView
  comment?: CommentView | { id: string }
  comment_id?: string
  user?: UserView | { id: string }
}
