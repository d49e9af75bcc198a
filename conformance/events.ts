import { z } from 'zod'
import type { StreamEvent } from './stream.ts'

/**
 * The payloads of the stream contract, written down independently of the service. Members that a server adds are
 * allowed, members that are missing are not.
 */

const Id = z.string().regex(/^[1-9]\d*$/)
const Time = z.iso.datetime({ offset: true })
const Count = z.number().int().min(0)
const User = z.object({ id: Id, username: z.string(), name: z.string(), avatar: z.string().nullable() })
const Group = z.object({
  id: Id,
  name: z.string(),
  title: z.string(),
  visibility: z.enum(['public', 'private']),
})
const Comment = z.object({
  id: Id,
  author: User,
  body: z.string(),
  created_at: Time,
  edited_at: Time.nullable(),
  like_count: Count,
})
const Reason = z.enum(['posted', 'commented', 'liked'])
const Entry = z.object({ feed: Id, at: Time, reason: Reason, actor: User })
const Card = z.object({
  id: Id,
  author: User,
  group: Group.nullable(),
  body: z.string(),
  created_at: Time,
  edited_at: Time.nullable(),
  like_count: Count,
  likers: z.array(User).max(4),
  comment_count: Count,
  comments: z.array(Comment).max(5),
})
const ChangedEntry = z.union([Entry, z.object({ feed: Id, removed: z.literal(true) })])
const change = { post: Card, entries: z.array(ChangedEntry) }
const Deleted = z.object({ id: Id })

const payloads: Record<string, z.ZodType> = {
  post: z.union([
    z.object({ action: z.enum(['created', 'edited', 'withdrawn']), ...change }),
    z.object({ action: z.literal('deleted'), post: Deleted, entries: z.array(ChangedEntry) }),
  ]),
  comment: z.union([
    z.object({ action: z.enum(['created', 'edited']), comment: Comment, ...change }),
    z.object({ action: z.literal('deleted'), comment: Deleted, ...change }),
  ]),
  like: z.object({
    action: z.enum(['added', 'removed']),
    user: z.union([User, Deleted]),
    comment_id: Id.optional(),
    ...change,
  }),
  user: User,
  gone: z.object({ page: z.string() }),
}

/** Throws where the event has no id, or a payload that the contract does not describe. */
export function checkEvent({ id, event, data }: StreamEvent): void {
  if (!Id.safeParse(id).success) throw new Error(`the event ${event} has the id ${id}`)
  const payload = payloads[event]
  if (!payload) throw new Error(`the contract has no event ${event}`)
  const result = payload.safeParse(data)
  if (!result.success)
    throw new Error(`the payload of the event ${event} ${data?.action}: ${z.prettifyError(result.error)}`)
}
