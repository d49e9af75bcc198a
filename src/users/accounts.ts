import { UniqueIntegrityConstraintViolationError } from 'slonik'
import { z } from 'zod'
import { text } from '../lib/body.ts'
import { sql, type Db, type Write } from '../lib/db.ts'
import { Invalid } from '../lib/errors.ts'
import type { Throttle } from '../lib/throttle.ts'
import type { Me, UserView } from '../shared/views.ts'
import { isUsernameAsPassword, knownPassword, newPassword, NOT_THE_USERNAME } from './new-password.ts'
import type { Passwords } from './passwords.ts'
import { isReserved } from './reserved.ts'
import { deleteOtherSessions } from './sessions.ts'
import { isUsername, toUserView, type UserRow } from './users.ts'

const MISSING = 'Please enter username and password'
export const TAKEN = 'Username already exists'

/** A username that someone chooses, in lower case. `empty` is said where there is none. */
export function newUsername(empty: string) {
  return text({ max: 200, empty, long: 'This is too long' })
    .transform((name) => name.trim().toLowerCase())
    .refine((name) => isUsername(name), {
      error: 'A username has 3 to 15 letters, digits or underscores',
      abort: true,
    })
    .refine((name) => !isReserved(name), { error: 'This username is reserved', abort: true })
}

export const SignInInput = z.object({
  username: text({ max: 200, empty: MISSING, long: 'This is too long' }).transform((name) =>
    name.toLowerCase(),
  ),
  password: knownPassword(MISSING),
})

export const RegisterInput = z
  .object({
    username: newUsername(MISSING),
    password: newPassword(MISSING),
  })
  .refine(({ username, password }) => !isUsernameAsPassword(username, password), {
    error: NOT_THE_USERNAME,
    path: ['password'],
  })

export interface AccountDeps {
  db: Db
  write: Write
  passwords: Passwords
  throttle: Throttle
}

/**
 * Makes an account, for someone on this network. Throws Invalid where the name is taken, by a person or a group, and
 * TooMany.
 */
export async function registerUser(
  { db, write, passwords, throttle }: AccountDeps,
  { username, password }: z.output<typeof RegisterInput>,
  network: string,
): Promise<UserView> {
  if (await isTaken(db, username)) throw new Invalid({ username: TAKEN })
  await throttle('signups', network)
  const hash = await passwords.hash(password)
  try {
    return await write((tx) =>
      tx.oneFirst(sql.row<{ user: UserView }>()`
        insert into users (username, password_hash)
        values (${username}, ${hash})
        returning user_view(users) as user`),
    )
  } catch (error) {
    // Two sign-ups at one instant.
    if (error instanceof UniqueIntegrityConstraintViolationError) throw new Invalid({ username: TAKEN })
    throw error
  }
}

/**
 * Who this is. Throws Invalid, in the same words and after the same work for an unknown name and a wrong password, and
 * TooMany, for this network or for this name, whether it is anybody's or not.
 */
export async function authenticate(
  deps: AccountDeps,
  { username, password }: z.output<typeof SignInInput>,
  network: string,
): Promise<UserRow> {
  const { db, passwords, throttle } = deps
  await throttle('signins', network)
  if (isUsername(username)) await throttle('account', username)
  const found = await findWithPassword(db, username)
  const right = await passwords.verify(found?.password_hash ?? null, password)
  if (!found || !right) throw new Invalid({ username: 'User not found' })
  if (passwords.isOutdated(found.password_hash)) await rehash(deps, found, password)
  return { ...toUserView(found), feed_id: found.feed_id }
}

/** Throws Invalid, for the field `password`, unless it is mine; and TooMany, counted with the attempts to sign in. */
export async function confirmPassword(
  { db, passwords, throttle }: AccountDeps,
  me: Me,
  password: string,
  field: string,
): Promise<void> {
  await throttle('account', me.username)
  const found = await findWithPassword(db, me.username)
  const right = await passwords.verify(found?.password_hash ?? null, password)
  if (!right) throw new Invalid({ [field]: 'This is not your password' })
}

/** Takes a new password and ends my other sessions, on every instance, with their streams. */
export async function changePassword(
  { write, passwords }: AccountDeps,
  me: Me,
  password: string,
  session: string,
): Promise<void> {
  const hash = await passwords.hash(password)
  await write(async (tx) => {
    await tx.query(sql.unsafe`update users set password_hash = ${hash} where id = ${me.id}`)
    await deleteOtherSessions(tx, me, session)
  })
}

/** The parameters have risen since this password was hashed, and only now is it here to be hashed anew. */
async function rehash(
  { write, passwords }: AccountDeps,
  { id, password_hash }: { id: string; password_hash: string },
  password: string,
): Promise<void> {
  const hash = await passwords.hash(password)
  await write((tx) =>
    tx.query(sql.unsafe`
      update users
      set password_hash = ${hash}
      where id = ${id} and password_hash = ${password_hash}`),
  )
}

export async function isTaken(db: Db, name: string): Promise<boolean> {
  return db.exists(sql.unsafe`select from names where name = ${name} and current`)
}

async function findWithPassword(db: Db, username: string) {
  if (!isUsername(username)) return null
  return db.maybeOne(sql.row<UserRow & { password_hash: string }>()`
    select id, feed_id, username, name, avatar, password_hash
    from users
    where username = ${username}`)
}
