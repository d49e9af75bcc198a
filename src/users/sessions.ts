import { createHash, randomBytes } from 'node:crypto'
import { sql, type Db, type Write } from '../db/pool.ts'
import { NotFound } from '../lib/errors.ts'
import { withoutDeadline } from '../db/deadline.ts'
import type { VisitorData } from '../web/context.ts'
import type { SessionView } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { browserName } from './browser-name.ts'

/** What koa-session keeps for us: whose session it is, and what it remembers. */
export interface SessionData extends VisitorData {
  user?: string
}

/** `__Host-` lets no other host of the domain set it; it needs TLS. */
export function sessionCookieName({ publicOrigin }: { publicOrigin: string | null }): string {
  return publicOrigin?.startsWith('https:') ? '__Host-koafeed' : 'koafeed'
}

/** 32 random bytes; the database knows only their SHA-256, so whoever reads it can open no session. */
export function newSessionId(): string {
  return randomBytes(32).toString('base64url')
}

/** For each cookie the user whose live session it opens, with the session's hash in hex; null for any other text. */
export async function findSessions(
  db: Db,
  cookies: readonly string[],
): Promise<({ id: string; session: string } | null)[]> {
  const hashes = cookies.map((cookie) => (isSessionId(cookie) ? hashOf(cookie).toString('hex') : null))
  const wanted = hashes.filter((hash) => hash !== null)
  if (wanted.length === 0) return cookies.map(() => null)
  const rows = await db.any(sql.row<{ id: string; session: string }>()`
    select user_id as id, encode(id_hash, 'hex') as session
    from sessions
    where id_hash = any(select decode(hash, 'hex') from unnest(${sql.array(wanted, 'text')}) as hash)
      and expires_at > now()`)
  const byHash = new Map(rows.map((row) => [row.session, row]))
  return hashes.map((hash) => (hash && byHash.get(hash)) || null)
}

/** Which of these sessions, by hash in hex, are not over. */
export async function findLiveSessions(db: Db, hashes: string[]): Promise<Set<string>> {
  const live = await db.anyFirst(sql.row<{ hash: string }>()`
    select encode(id_hash, 'hex') as hash
    from sessions
    where id_hash = any(select decode(hash, 'hex') from unnest(${sql.array(hashes, 'text')}) as hash)
      and expires_at > now()`)
  return new Set(live)
}

/** A live session with the person it belongs to, in one query because every request needs both. */
export async function loadSession(
  { db, write }: { db: Db; write: Write },
  id: string,
): Promise<{ facts: SessionData; me: Me; session: string } | null> {
  if (!isSessionId(id)) return null
  const hash = hashOf(id)
  const row = await db.maybeOne(sql.row<{ session: string; data: VisitorData; me: Me; stale: boolean }>()`
    select
      s.id as session,
      s.data,
      user_view(u) || jsonb_build_object('feed', u.feed_id::text, 'owns', owned_groups(u.id)) as me,
      s.last_seen_at < now() - interval '10 minutes' as stale
    from sessions s
    join users u on u.id = s.user_id
    where s.id_hash = ${sql.binary(hash)} and s.expires_at > now()`)
  if (!row) return null
  // No request waits for it, and none fails with it: the next one tries again.
  if (row.stale) void withoutDeadline(() => touchSession(write, hash)).catch(() => {})
  return { facts: { ...row.data, user: row.me.id }, me: row.me, session: row.session }
}

/**
 * Returns false, and inserts nothing, if the password has changed since it was verified. `for share` waits for a change
 * that is not committed yet; a change that comes later waits for this insert, and then ends the session.
 */
export async function insertSession(
  write: Write,
  id: string,
  { user, ...data }: SessionData,
  { address, userAgent, passwordVersion }: { address: string; userAgent: string; passwordVersion: number },
): Promise<boolean> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.unsafe`
      insert into sessions (id_hash, user_id, data, address, user_agent, expires_at)
      select
        ${sql.binary(hashOf(id))}, u.id, ${sql.jsonb({ ...data })},
        ${address}, ${userAgent}, now() + interval '14 days'
      from users u
      where u.id = ${user ?? null} and u.password_version = ${passwordVersion} and u.deleted_at is null
      for share`),
  )
  return rowCount === 1
}

/**
 * Only ever an update: a slow request must not bring back a session that was ended meanwhile. With `skipLocked` it writes
 * nothing while another transaction holds the session locked.
 */
export async function updateSession(
  write: Write,
  id: string,
  { user: _, ...data }: SessionData,
  { skipLocked = false } = {},
): Promise<void> {
  const locking = skipLocked ? sql.fragment`for no key update skip locked` : sql.fragment`for no key update`
  await write((tx) =>
    tx.query(sql.unsafe`
      update sessions
      set data = ${sql.jsonb({ ...data })}
      where id_hash = (
        select id_hash
        from sessions
        where id_hash = ${sql.binary(hashOf(id))} and expires_at > now()
        ${locking}
      )`),
  )
}

export async function endSession(write: Write, id: string): Promise<void> {
  await write((tx) => tx.query(sql.unsafe`delete from sessions where id_hash = ${sql.binary(hashOf(id))}`))
}

/** My sessions that are not over, the one in use first, then the last used ones. `current` is the id of this one. */
export async function listSessions(db: Db, me: Me, current: string): Promise<SessionView[]> {
  const rows = await db.any(sql.row<SessionView & { user_agent: string }>()`
    select
      id,
      utc(created_at) as created_at,
      utc(last_seen_at) as last_seen_at,
      address,
      user_agent,
      id = ${current} as current
    from sessions
    where user_id = ${me.id} and expires_at > now()
    order by id = ${current} desc, last_seen_at desc, id desc
    limit 100`)
  return rows.map(({ user_agent, ...row }) => ({ ...row, browser: browserName(user_agent) }))
}

/** Ends one of my sessions. Throws NotFound for one that is over, or somebody else's. */
export async function endOwnSession(write: Write, me: Me, id: string): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.unsafe`delete from sessions where id = ${id} and user_id = ${me.id}`),
  )
  if (rowCount === 0) throw new NotFound('This session is over already.')
}

/** Ends my sessions but the one with this id; the log tells every instance, which close their streams. */
export async function endOtherSessions(write: Write, me: Me, current: string): Promise<void> {
  await write((tx) => deleteOtherSessions(tx, me, current))
}

export async function deleteOtherSessions(tx: Db, me: Me, current: string): Promise<void> {
  await tx.query(sql.unsafe`delete from sessions where user_id = ${me.id} and id <> ${current}`)
}

/** Removes some of the sessions that are over; returns how many. */
export async function deleteExpiredSessions(db: Db): Promise<number> {
  const { rowCount } = await db.query(sql.unsafe`
    delete from sessions
    where id_hash in (select id_hash from sessions where expires_at < now() limit 500)`)
  return rowCount
}

/** Idle for 14 days, or 30 days old, and it is over. */
async function touchSession(write: Write, hash: Buffer): Promise<void> {
  await write((tx) =>
    tx.query(sql.unsafe`
      update sessions
      set last_seen_at = now(),
          expires_at = least(now() + interval '14 days', created_at + interval '30 days')
      where id_hash = (
        select id_hash
        from sessions
        where id_hash = ${sql.binary(hash)} and expires_at > now() and last_seen_at < now() - interval '10 minutes'
        for no key update skip locked
      )`),
  )
}

function isSessionId(text: string | undefined): text is string {
  return /^[\w-]{43}$/.test(text ?? '')
}

function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest()
}
