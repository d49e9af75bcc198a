import { createHash, createHmac, randomBytes } from 'node:crypto'
import { sql, type Db, type Write } from '../db/pool.ts'
import { NotFound } from '../lib/errors.ts'
import { withoutDeadline } from '../db/deadline.ts'
import type { SessionView } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import { browserName } from './browser-name.ts'

/** An active session and its user. */
export interface SignedIn {
  me: Me
  /** The id by which the settings name the session. */
  session: string
  /** The CSRF token of the session. */
  csrf: string
}

/**
 * How long a session may be cached without another look at its row. A row that triggers did not see changing counts after
 * this time.
 */
const MAX_AGE_MS = 60_000

/** The prefix `__Host-` prevents other hosts of the domain from setting the cookie. It requires TLS. */
export function sessionCookieName({ publicOrigin }: { publicOrigin: string | null }): string {
  return publicOrigin?.startsWith('https:') ? '__Host-koafeed' : 'koafeed'
}

/** Returns 32 random bytes. The database stores only their SHA-256, so a copy of the database opens no session. */
export function newSessionId(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Returns, for each cookie, the id of its user and the hash of its session in hex, or null if the cookie does not
 * belong to an active session.
 */
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

/** Returns those of the session hashes (in hex) whose sessions are active. */
export async function findActiveSessions(db: Db, hashes: string[]): Promise<Set<string>> {
  const active = await db.anyFirst(sql.row<{ hash: string }>()`
    select encode(id_hash, 'hex') as hash
    from sessions
    where id_hash = any(select decode(hash, 'hex') from unnest(${sql.array(hashes, 'text')}) as hash)
      and expires_at > now()`)
  return new Set(active)
}

/**
 * The CSRF token of a session: a one-way function of its id, which is a secret of 256 random bits. So a page needs no
 * row of the database for it, and all instances agree on it. See docs/decisions/0005.
 */
export function csrfOf(id: string): string {
  return createHmac('sha256', id).update('csrf').digest('base64url').slice(0, 32)
}

interface SessionRow {
  seq: string
  session: string | null
  /** A session that the previous release created has another token in its row. */
  csrf: string | null
  me: Me
  stale: boolean
  /** Milliseconds until the session expires, or must be extended. */
  rest: number
}

/**
 * Reads an active session and its user, and the `seq` of the snapshot. Null if there is none. `maxAge` is the number of
 * milliseconds for which this may be cached.
 */
export async function readSession(
  { db, write }: { db: Db; write: Write },
  id: string,
): Promise<{ seq: number; value: SignedIn | null; maxAge: number }> {
  const hash = hashOf(id)
  const row = await db.one(sql.row<SessionRow>()`
    select
      coalesce((select max(seq) from log), 0) as seq,
      found.*
    from (values (1)) one
    left join (
      select
        s.id as session,
        s.data ->> 'csrf' as csrf,
        user_view(u) || jsonb_build_object('feed', u.feed_id::text, 'owns', owned_groups(u.id), 'admin', u.admin) as me,
        s.last_seen_at < now() - interval '10 minutes' as stale,
        extract(epoch from least(s.expires_at, s.last_seen_at + interval '10 minutes') - now())::float * 1000 as rest
      from sessions s
      join users u on u.id = s.user_id
      where s.id_hash = ${sql.binary(hash)} and s.expires_at > now()
    ) found on true`)
  if (row.session === null) return { seq: Number(row.seq), value: null, maxAge: 0 }
  // The request does not wait for this update and does not fail with it; the next request tries again.
  if (row.stale) void withoutDeadline(() => extendSession(write, hash)).catch(() => {})
  const csrf = row.csrf ?? csrfOf(id)
  return {
    seq: Number(row.seq),
    value: { me: row.me, session: row.session, csrf },
    // The content of a row is never cached, and so neither is a token that is stored nowhere else.
    maxAge: csrf === csrfOf(id) ? Math.min(row.rest, MAX_AGE_MS) : 0,
  }
}

/**
 * Inserts a session, or returns false if the password has changed or the account was suspended since it was verified. `for share` waits for a
 * password change that is not committed yet. A later change waits for this insert and then ends the new session.
 */
export async function insertSession(
  write: Write,
  id: string,
  {
    user,
    address,
    userAgent,
    passwordVersion,
  }: { user: string; address: string; userAgent: string; passwordVersion: number },
): Promise<boolean> {
  // Instances of the previous release read the token from the row. Remove it with the next release.
  const data = { csrf: csrfOf(id) }
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      insert into sessions (id_hash, user_id, data, address, user_agent, expires_at)
      select
        ${sql.binary(hashOf(id))}, u.id, ${sql.jsonb(data)},
        ${address}, ${userAgent}, now() + interval '14 days'
      from users u
      where u.id = ${user} and u.password_version = ${passwordVersion}
        and u.deleted_at is null and u.suspended_at is null
      for share`),
  )
  return rowCount === 1
}

export async function endSession(write: Write, id: string): Promise<void> {
  await write((tx) => tx.query(sql.command`delete from sessions where id_hash = ${sql.binary(hashOf(id))}`))
}

/** Lists the active sessions of `me`: first the one with the id `current`, then the others, the last used first. */
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

/**
 * Ends a session of `me`.
 * @throws NotFound if it has already ended or belongs to another user.
 */
export async function endOwnSession(write: Write, me: Me, id: string): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`delete from sessions where id = ${id} and user_id = ${me.id}`),
  )
  if (rowCount === 0) throw new NotFound('This session has already ended.')
}

/**
 * Ends all sessions of `me` except `current`. Every instance reads the change from the log and closes their streams.
 */
export async function endOtherSessions(write: Write, me: Me, current: string): Promise<void> {
  await write((tx) => deleteOtherSessions(tx, me, current))
}

export async function deleteOtherSessions(tx: Db, me: Me, current: string): Promise<void> {
  await tx.query(sql.command`delete from sessions where user_id = ${me.id} and id <> ${current}`)
}

/** Removes up to 500 expired sessions and returns how many it removed. */
export async function deleteExpiredSessions(db: Db): Promise<number> {
  const { rowCount } = await db.query(sql.command`
    delete from sessions
    where id_hash in (select id_hash from sessions where expires_at < now() limit 500)`)
  return rowCount
}

/** Extends a session: it expires after 14 days without use, and at most 30 days after sign-in. */
async function extendSession(write: Write, hash: Buffer): Promise<void> {
  await write((tx) =>
    tx.query(sql.command`
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

export function isSessionId(text: string | undefined): text is string {
  return /^[\w-]{43}$/.test(text ?? '')
}

function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest()
}
