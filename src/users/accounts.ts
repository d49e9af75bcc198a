import { UniqueIntegrityConstraintViolationError, type FragmentSqlToken } from 'slonik'
import { z } from 'zod'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid, Unavailable } from '../lib/errors.ts'
import { MINUTE, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { UserView } from '../shared/views.ts'
import { newName, requireFreeName, type NameErrors } from '../names/names.ts'
import { insertIfAdmitted, requireSignUp } from '../sign-up/sign-up.ts'
import { optional } from '../web/body.ts'
import { isPasswordUsername, newPassword, PASSWORD_IS_USERNAME } from './new-password.ts'
import type { Passwords } from './passwords.ts'

/** Per network. */
const SIGN_UP_RATE: Rate = { key: 'signups', limit: 'signups', max: 5, seconds: 30 * MINUTE }

export const MISSING_CREDENTIALS = 'Please enter username and password'
const USERNAME_TAKEN = 'Username already exists'
const USERNAME_RESERVED = 'This username is reserved'

export const USERNAME_ERRORS: NameErrors = {
  field: 'username',
  taken: USERNAME_TAKEN,
  reserved: USERNAME_RESERVED,
}

export function usernameTaken(): Invalid {
  return new Invalid({ username: USERNAME_TAKEN })
}

/** The schema of a new username; the output is in lower case. `empty` is the message if it is missing. */
export function newUsername(empty: string) {
  return newName({
    empty,
    malformed: 'A username must have 3 to 15 letters, digits or underscores',
    reserved: USERNAME_RESERVED,
  })
}

export const RegisterInput = z
  .object({
    username: newUsername(MISSING_CREDENTIALS),
    password: newPassword(MISSING_CREDENTIALS),
    /** The secret of an invitation link. */
    invitation: optional(200),
  })
  .refine(({ username, password }) => !isPasswordUsername(username, password), {
    error: PASSWORD_IS_USERNAME,
    path: ['password'],
  })

export interface AccountDeps {
  db: Db
  write: Write
  passwords: Passwords
  throttle: Throttle
}

/**
 * Creates an account. `network` is the client's network, by which sign-ups are limited.
 * @throws Forbidden if sign-up is closed, or needs another invitation.
 * @throws Invalid if a user or a group has the name, or it is reserved.
 * @throws TooMany if this network has registered too many accounts lately.
 */
export async function registerUser(
  { db, write, passwords, throttle }: AccountDeps,
  { username, password, invitation }: z.output<typeof RegisterInput>,
  network: string,
): Promise<UserView> {
  await requireSignUp(db, invitation)
  await requireFreeName(db, username, USERNAME_ERRORS)
  await throttle(SIGN_UP_RATE, network)
  const hash = await passwords.hash(password)
  const values = sql.fragment`${username}, ${hash}`
  const user = await insert(write, insertIfAdmitted(values, invitation))
  if (user) return user
  // Sign-up was closed meanwhile, or somebody else had the last use of the invitation.
  await requireSignUp(db, invitation)
  throw new Unavailable()
}

/**
 * Inserts a user, even if sign-up is closed.
 * @throws Invalid if a user or a group has the name.
 */
export async function insertUser(write: Write, username: string, hash: string): Promise<UserView> {
  const user = await insert(
    write,
    sql.fragment`insert into users (username, password_hash) values (${username}, ${hash})`,
  )
  return user!
}

async function insert(write: Write, statement: FragmentSqlToken): Promise<UserView | null> {
  try {
    return await write((tx) =>
      tx.maybeOneFirst(sql.row<{ user: UserView }>()`${statement} returning user_view(users) as user`),
    )
  } catch (error) {
    // Another request may have taken the name since it was free.
    if (error instanceof UniqueIntegrityConstraintViolationError) throw usernameTaken()
    throw error
  }
}
