import { z } from 'zod'

/**
 * The format of the log, which `sql/20_log.sql` writes: its rows, and the payload of each event. The listener validates
 * the row of every notification, without its payload; a test validates the payloads.
 */

const User = z.object({
  id: z.string(),
  username: z.string(),
  name: z.string(),
  avatar: z.string().nullable(),
})
const Group = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  visibility: z.enum(['public', 'private']),
})
const Comment = z.object({
  id: z.string(),
  author: User,
  body: z.string(),
  created_at: z.string(),
  edited_at: z.string().nullable(),
  like_count: z.number().int().min(0),
})
const Entry = z.object({
  feed: z.string(),
  at: z.string(),
  reason: z.enum(['posted', 'commented', 'liked']),
  actor: User,
})
const Card = z.object({
  id: z.string(),
  author: User,
  group: Group.nullable(),
  body: z.string(),
  created_at: z.string(),
  edited_at: z.string().nullable(),
  like_count: z.number().int().min(0),
  likers: z.array(User).max(4),
  comment_count: z.number().int().min(0),
  comments: z.array(Comment).max(5),
  entries: z.array(Entry).max(64),
})
const ChangedEntry = z.union([Entry.strict(), z.strictObject({ feed: z.string(), removed: z.literal(true) })])
const change = { post: Card.strict(), entries: z.array(ChangedEntry) }
const GoneId = z.strictObject({ id: z.string() })

/** Payloads by event name. */
export const PayloadSchemas = {
  post: z.union([
    z.strictObject({ action: z.enum(['created', 'edited', 'withdrawn']), ...change }),
    z.strictObject({ action: z.literal('deleted'), post: GoneId, entries: z.array(ChangedEntry) }),
  ]),
  comment: z.union([
    z.strictObject({ action: z.enum(['created', 'edited']), comment: Comment.strict(), ...change }),
    z.strictObject({ action: z.literal('deleted'), comment: GoneId, ...change }),
  ]),
  like: z.strictObject({
    action: z.enum(['added', 'removed']),
    user: z.union([User.strict(), GoneId]),
    comment_id: z.string().optional(),
    comment: Comment.strict().optional(),
    ...change,
  }),
  user: User.strict(),
  subscription: z.strictObject({ action: z.enum(['made', 'ended']), feed: z.string() }),
  session: z.strictObject({ action: z.literal('ended'), session: z.string() }),
  ownership: z.strictObject({ action: z.enum(['made', 'ended']), feed: z.string(), user: z.string() }),
  admin: z.strictObject({ action: z.enum(['made', 'ended']), user: z.string() }),
  group: Group.strict(),
  account: z.strictObject({ action: z.literal('deleted'), id: z.string() }),
}

export const LogRow = z.object({
  seq: z.coerce.number().int().positive(),
  /** When the row was written, in milliseconds since 1970. The notifications of the previous release do not have it. */
  at: z.number().optional(),
  event: z.string(),
  topics: z.array(z.string()),
  payload: z.record(z.string(), z.unknown()),
})
/** One row of the log. `seq` is below 2^53: at 5,000 events a second that lasts 57,000 years. */
export type LogRow = z.infer<typeof LogRow>

/** A notification contains the row, or only its number if the row is too long. */
const Notification = z.union([LogRow, z.object({ seq: z.number().int().positive() })])
export type Notification = z.infer<typeof Notification>

/**
 * Parses the payload of a notification.
 * @throws SyntaxError or ZodError if `append_log` did not write the text
 */
export function parseNotification(text: string): Notification {
  return Notification.parse(JSON.parse(text))
}

/** Whether the row changes rights. The hub applies such rows; clients get a `reset` at most. */
export function isRightsChange(row: Pick<LogRow, 'event'>): boolean {
  return row.event === 'subscription' || row.event === 'session'
}
