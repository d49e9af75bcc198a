/** A post with its comments and likes. */
export interface Thread {
  by: string
  /** When the post was written: `25m` or `3h` ago, or `4d 08:30`, four days ago at 08:30 UTC. */
  when: string
  body: string
  /** The number of likes, at most one per user who may see the post. */
  likes: number
  /** The group of the post. Without it, the post is in the author's own feed. */
  group?: string
  /** The comments, oldest first. */
  comments?: [by: string, body: string][]
}
