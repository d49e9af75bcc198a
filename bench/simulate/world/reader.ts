import { createBlock, EMPTY } from '../../../src/stream/encoding/block.ts'
import type { Frame } from '../../../src/stream/log/frame.ts'
import { isRightsChange, type LogRow } from '../../../src/stream/log/events.ts'
import type { LogReader } from '../../../src/stream/log/reader.ts'
import type { Authorized, Wanted } from '../../../src/stream/rights.ts'
import type { Viewer } from '../../../src/stream/clients/subscriber.ts'
import type { Database } from './database.ts'
import type { Committed, SimulatedLog } from './log.ts'
import type { Process } from '../scheduler.ts'
import {
  feedOf,
  GROUP_FEEDS,
  isPrivate,
  PUBLIC_FEED,
  stateOf,
  type CommentState,
  type RightsState,
} from '../states.ts'

/** `createLogReader` over the simulated log. */
export function createSimulatedReader(
  { log, read }: Pick<Database, 'log' | 'read'>,
  process: Process,
  onRows: (rows: LogRow[]) => void = () => {},
): LogReader {
  const countRows = (rows: unknown[]): number => rows.length * 10
  return {
    async readFrom(seq, limit) {
      const rows = await read(process, () => rowsFrom(log, seq, limit), countRows)
      onRows(rows)
      return rows
    },
    readNewest: (limit) => read(process, () => rowsFrom(log, log.oldest, Infinity).slice(-limit), countRows),
    readOldest: () => read(process, () => log.oldest),
    readTopics: (start, end) =>
      read(
        process,
        () => topicsBetween(log, start, end),
        () => Math.max(0, Math.min(end, log.newest()) - start),
      ),
    readFrames: (seqs) => read(process, () => framesOf(log, seqs), countRows),
    readQueueUsage: () => read(process, () => 0),
  }
}

function present(log: SimulatedLog, from: number): Committed[] {
  return log.rows().slice(log.indexAfter(Math.max(from, log.oldest) - 1))
}

export function rowsFrom(log: SimulatedLog, seq: number, limit: number): LogRow[] {
  const index = log.indexAfter(Math.max(seq, log.oldest) - 1)
  return log
    .rows()
    .slice(index, index + limit)
    .map(({ row }) => row)
}

export function topicsBetween(
  log: SimulatedLog,
  start: number,
  end: number,
): { topics: string; oldest: number } {
  let topics = ''
  for (const { row } of present(log, start)) {
    if (row.seq > end) break
    topics += `${row.seq}{${row.topics.join()}}`
  }
  return { topics, oldest: log.oldest }
}

export function framesOf(log: SimulatedLog, seqs: number[]): Frame[] {
  const rows = [...seqs].sort((a, b) => a - b).map((seq) => (seq < log.oldest ? undefined : log.find(seq)))
  return rows.filter((found) => found !== undefined).map(({ row }) => toReplayedFrame(log, row))
}

function toReplayedFrame(log: SimulatedLog, row: LogRow): Frame {
  const post = (row.payload.post as { id: string } | undefined)?.id ?? null
  const shown = isRightsChange(row) ? null : replayedEvent(log, row)
  const block = shown
    ? createBlock({ id: row.seq, event: shown.event, data: JSON.stringify(shown.payload) })
    : EMPTY
  return { seq: row.seq, topics: row.topics, post, block, rights: null }
}

/** `replay_event` of `sql/60_replay.sql`, for the fields that the simulation has. */
export function replayedEvent(
  log: SimulatedLog,
  { event, payload }: LogRow,
): { event: string; payload: Record<string, unknown> } {
  const card = payload.post as { id: string; comments?: { id: string }[] } | undefined
  if (!card) return { event, payload }
  const post = log.posts.get(Number(card.id))
  const state = post && stateOf(post)
  if (!state || state.body === null) {
    const deleted = { action: 'deleted', post: { id: card.id }, entries: payload.entries }
    return { event: 'post', payload: deleted }
  }
  const view = ({ id }: { id: string }): CommentState | undefined =>
    state.comments.find((comment) => comment.id === Number(id))
  const shown = { ...payload }
  const comments = (card.comments ?? []).map(view).filter((comment) => comment !== undefined)
  shown.post = {
    ...card,
    body: state.body,
    comments: comments.map(({ id, body }) => ({ id: String(id), body })),
  }
  const changed = payload.comment as { id: string; body?: string } | undefined
  if (changed?.body !== undefined) {
    const found = view(changed)
    shown.comment = found ? { id: changed.id, body: found.body } : { id: changed.id }
    if (!found) shown.action = 'deleted'
  }
  return { event, payload: shown }
}

/** `authorize` of `src/stream/rights.ts` over the simulated state. Groups are keyed `group51`, users `user3`. */
export function authorizeNow({ rights, posts }: SimulatedLog, { viewer, home, pages }: Wanted): Authorized {
  const user = viewer ? Number(viewer.id) : 0
  const isSessionAlive = viewer === null || rights.sessions.has(viewer.session)
  const seen = pages.map(({ kind, key }) => {
    if (kind === 'public') return { topic: `feed:${PUBLIC_FEED}`, guarded: false }
    if (kind === 'users') return { topic: `feed:${feedOf(Number(key.slice(4)))}`, guarded: false }
    if (kind === 'groups') return groupPage(rights, user, Number(key.slice(5)))
    const post = posts.get(Number(key))
    if (!post || stateOf(post)!.body === null) return null
    const guarded = post.group !== null
    return guarded && !groupPage(rights, user, post.group) ? null : { topic: `post:${key}`, guarded }
  })
  const topics = seen.filter((page) => page !== null)
  return {
    isSessionAlive,
    missing: pages.filter((_page, position) => seen[position] === null),
    rights: {
      feeds: home ? [...(rights.feeds.get(user) ?? [])].map((feed) => `feed:${feed}`) : [],
      pages: topics.map(({ topic }) => topic),
      guarded: topics.some(({ guarded }) => guarded),
      changedAt: rights.changedAt.get(user) ?? 0,
    },
  }
}

function groupPage(
  { feeds }: RightsState,
  user: number,
  feed: number,
): { topic: string; guarded: boolean } | null {
  if (!GROUP_FEEDS.includes(feed)) return null
  return feeds.get(user)?.has(feed) ? { topic: `feed:${feed}`, guarded: isPrivate(feed) } : null
}

export function viewerOf({ rights }: SimulatedLog, session: string | null): Viewer | null {
  const user = session === null ? undefined : rights.sessions.get(session)
  return user === undefined ? null : { id: String(user), session: session! }
}
