/** A post with what people made of it. */
export interface Thread {
  by: string
  /** `25m` or `3h` ago, or `4d 08:30`: at that time (UTC), so many days ago. */
  when: string
  body: string
  /** How many people like it, as far as so many may see it. */
  likes: number
  /** The group that it was posted to; none: the author's own feed. */
  group?: string
  /** Who answered what, in this order. */
  comments?: [by: string, body: string][]
}
