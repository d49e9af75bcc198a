import { z } from 'zod'
import { trimBlank } from '../lib/blank.ts'
import { text } from '../web/body.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Forbidden, Invalid } from '../lib/errors.ts'
import { foldName } from '../web/paths.ts'
import { HOUR, MINUTE, type Rate, type Throttle } from '../web/limits/throttle.ts'
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
  /** Null for text that cannot be a username. */
  username: text({ max: 200, empty: MISSING_CREDENTIALS, long: 'This is too long' }).transform((typed) =>
    foldName(trimBlank(typed)),
  ),
  password: currentPassword(MISSING_CREDENTIALS),
})

/** A user with the version of the password that was verified. */
export interface AuthenticatedUser extends UserRow {
  password_version: number
  admin: boolean
}

/** The error for an unknown username, a wrong password and a password that has changed: it must not show which. */
export function userNotFound(): Invalid {
  return new Invalid({ username: 'User not found: check the username and the password.' })
}

/** Only for a client that has sent the correct password: others must not learn that an account is suspended. */
function accountSuspended(): Forbidden {
  const message = 'This account is suspended. Please contact the people who run this site.'
  return new Forbidden(message, { username: message })
}

/**
 * Verifies username and password. An unknown username takes the same time as a wrong password.
 * @throws Invalid if they do not belong to an account.
 * @throws Forbidden if they do, and the account is suspended.
 * @throws TooMany after too many attempts.
 */
export async function authenticate(
  deps: AccountDeps,
  { username, password }: z.output<typeof SignInInput>,
  client: { network: string; devices: Device[] },
): Promise<AuthenticatedUser> {
  const { db, passwords, throttle } = deps
  const found = username === null ? null : await findWithPassword(db, username)
  await countAttempt(throttle, { username, found, ...client })
  const isCorrect = await passwords.verify(found?.password_hash ?? null, password)
  if (!found || !isCorrect) throw userNotFound()
  const { password_hash, suspended, ...user } = found
  if (suspended) throw accountSuspended()
  if (passwords.isOutdated(password_hash)) await rehash(deps, found, password)
  return user
}

/**
 * Counts an attempt to sign in. A known device has limits of its own, because anyone can exhaust the limits of a
 * network or of an account.
 * @throws TooMany after too many attempts.
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
 * Verifies the password of a signed-in user and returns its version. Attempts count per session, so that guesses from
 * other clients cannot keep the user from changing the password. `field` is the form field of the error message.
 * @throws Invalid if the password is wrong.
 * @throws TooMany after too many attempts in this session.
 */
export async function confirmPassword(
  { db, passwords, throttle }: AccountDeps,
  me: Me,
  { password, field, session }: { password: string; field: string; session: string },
): Promise<number> {
  await throttle(SESSION_RATE, session)
  const found = await findWithPassword(db, me.username)
  const isCorrect = await passwords.verify(found?.password_hash ?? null, password)
  if (!found || !isCorrect) throw wrongPassword(field)
  return found.password_version
}

/**
 * Stores a new password and returns its version. It also ends the user's other sessions and their streams, on every
 * instance.
 * @throws Invalid if the password has changed since `version` was verified. The sender may be a thief of a session, and
 *   the owner may have changed the password to end that session.
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

/** Replaces a hash that has outdated parameters. Only a sign-in can do it, because only a sign-in has the password. */
async function rehash(
  { write, passwords }: { write: Write; passwords: Passwords },
  { id, password_hash }: { id: string; password_hash: string },
  password: string,
): Promise<void> {
  const hash = await passwords.hash(password)
  await write((tx) => tx.query(sql.command`select rehash_password(${id}, ${password_hash}, ${hash})`))
}

async function findWithPassword(db: Db, username: string) {
  return db.maybeOne(sql.row<AuthenticatedUser & { password_hash: string; suspended: boolean }>()`
    select
      id, feed_id, username, name, avatar, password_hash, password_version, admin,
      suspended_at is not null as suspended
    from users
    where username = ${username} and deleted_at is null`)
}
