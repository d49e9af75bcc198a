import { z } from 'zod'
import { trimBlank } from '../lib/blank.ts'
import { text } from '../web/body.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid } from '../lib/errors.ts'
import { foldName } from '../web/paths.ts'
import { HOUR, MINUTE, type Rate, type Throttle } from '../web/throttle.ts'
import type { Me } from '../shared/views.ts'
import { MISSING_CREDENTIALS, type AccountDeps } from './accounts.ts'
import { findDevice, type Device } from './devices.ts'
import { currentPassword } from './new-password.ts'
import type { Passwords } from './passwords.ts'
import { deleteOtherSessions } from './sessions.ts'
import type { UserRow } from './users.ts'

/** Attempts from one network. */
const NETWORK_RATE: Rate = { key: 'signins', limit: 'signins', max: 10, seconds: 3 * MINUTE }
/** Attempts on one account from all devices that have never signed in to it. */
const ACCOUNT_RATE: Rate = { key: 'account', limit: 'signins', max: 25, seconds: HOUR, scale: 2.5 }
/** Attempts from one device on an account that it has signed in to before. */
const DEVICE_RATE: Rate = { key: 'device', limit: 'signins', max: 10, seconds: HOUR }
/** Password checks in one session. */
const SESSION_RATE: Rate = { key: 'session', limit: 'signins', max: 25, seconds: HOUR, scale: 2.5 }

export const SignInInput = z.object({
  /** Null for a text that is not a username. */
  username: text({ max: 200, empty: MISSING_CREDENTIALS, long: 'This is too long' }).transform((typed) =>
    foldName(trimBlank(typed)),
  ),
  password: currentPassword(MISSING_CREDENTIALS),
})

/** A user with the version of the password that was verified. */
export interface AuthenticatedUser extends UserRow {
  password_version: number
}

/** The same answer for an unknown username, a wrong password and a password that has changed meanwhile. */
export function userNotFound(): Invalid {
  return new Invalid({ username: 'User not found' })
}

/** Verifies username and password. Throws Invalid, after the same work for an unknown username, and TooMany. */
export async function authenticate(
  deps: AccountDeps,
  { username, password }: z.output<typeof SignInInput>,
  client: { network: string; devices: Device[] },
): Promise<AuthenticatedUser> {
  const { db, passwords, throttle } = deps
  const found = username === null ? null : await findWithPassword(db, username)
  await countAttempt(throttle, { username, found, ...client })
  const right = await passwords.verify(found?.password_hash ?? null, password)
  if (!found || !right) throw userNotFound()
  const { password_hash, ...user } = found
  if (passwords.isOutdated(password_hash)) await rehash(deps, found, password)
  return user
}

/**
 * Counts an attempt to sign in. Throws TooMany. A known device shares no count with other people: neither that of its
 * network nor that of the account, which anybody can use up.
 */
async function countAttempt(
  throttle: Throttle,
  {
    username,
    found,
    network,
    devices,
  }: { username: string | null; found: AuthenticatedUser | null; network: string; devices: Device[] },
): Promise<void> {
  const device = found && findDevice(devices, found)
  if (device) {
    await throttle(NETWORK_RATE, `${network} ${device.user}`)
    await throttle(DEVICE_RATE, device.nonce)
  } else {
    await throttle(NETWORK_RATE, network)
    if (username !== null) await throttle(ACCOUNT_RATE, username)
  }
}

/**
 * Verifies my password within a session; returns its version. Throws Invalid for the form field `field`, and TooMany,
 * counted for this session alone, so that guesses from outside do not keep me from changing my password.
 */
export async function confirmPassword(
  { db, passwords, throttle }: AccountDeps,
  me: Me,
  { password, field, session }: { password: string; field: string; session: string },
): Promise<number> {
  await throttle(SESSION_RATE, session)
  const found = await findWithPassword(db, me.username)
  const right = await passwords.verify(found?.password_hash ?? null, password)
  if (!found || !right) throw wrongPassword(field)
  return found.password_version
}

/**
 * Stores a new password and ends my other sessions, on every instance, with their streams; returns the new version.
 * Throws Invalid if the password has changed since `version` was verified: the owner may have just locked out the person
 * who sent this.
 */
export async function changePassword(
  { write, passwords }: AccountDeps,
  me: Me,
  { password, version, session }: { password: string; version: number; session: string },
): Promise<number> {
  const hash = await passwords.hash(password)
  const changed = await write(async (tx) => {
    const row = await tx.maybeOne(sql.row<{ password_version: number }>()`
      update users
      set password_hash = ${hash}
      where id = ${me.id} and password_version = ${version}
      returning password_version`)
    if (row) await deleteOtherSessions(tx, me, session)
    return row
  })
  if (!changed) throw wrongPassword('old_password')
  return changed.password_version
}

export function wrongPassword(field: string): Invalid {
  return new Invalid({ [field]: 'This is not your password' })
}

/** Hashes the password with today's parameters; only a sign-in has the plain text. */
async function rehash(
  { write, passwords }: { write: Write; passwords: Passwords },
  { id, password_hash }: { id: string; password_hash: string },
  password: string,
): Promise<void> {
  const hash = await passwords.hash(password)
  await write((tx) => tx.query(sql.unsafe`select rehash_password(${id}, ${password_hash}, ${hash})`))
}

async function findWithPassword(db: Db, username: string) {
  return db.maybeOne(sql.row<AuthenticatedUser & { password_hash: string }>()`
    select id, feed_id, username, name, avatar, password_hash, password_version
    from users
    where username = ${username} and deleted_at is null`)
}
