import { UniqueIntegrityConstraintViolationError } from 'slonik'
import { z } from 'zod'
import { storable, text } from '../lib/body.ts'
import { sql, type Db, type Write } from '../lib/db.ts'
import { Invalid } from '../lib/errors.ts'
import type { UserView } from '../shared/views.ts'
import type { Passwords } from './passwords.ts'
import { isReserved } from './reserved.ts'
import { isUsername, toUserView, type UserRow } from './users.ts'

const MISSING = 'Please enter username and password'
const TAKEN = 'Username already exists'

const required = { empty: MISSING, long: 'This is too long' }

export const SignInInput = z.object({
  username: text({ max: 200, ...required }).transform((name) => name.toLowerCase()),
  password: storable()
    .prefault('')
    .refine((password) => password !== '', { error: MISSING, abort: true }),
})

export const RegisterInput = z
  .object({
    username: text({ max: 200, ...required })
      .transform((name) => name.toLowerCase())
      .refine((name) => isUsername(name), {
        error: 'A username has 3 to 15 letters, digits or underscores',
        abort: true,
      })
      .refine((name) => !isReserved(name), { error: 'This username is reserved', abort: true }),
    password: storable()
      .prefault('')
      .refine((password) => password !== '', { error: MISSING, abort: true })
      .refine((password) => [...password].length >= 8, {
        error: 'A password has at least 8 characters',
        abort: true,
      })
      .refine((password) => [...password].length <= 200, {
        error: 'A password has at most 200 characters',
        abort: true,
      }),
  })
  .refine(({ username, password }) => password.toLowerCase() !== username, {
    error: 'The password may not be the username',
    path: ['password'],
  })

/** Makes an account. Throws Invalid where the name is taken, by a person or a group. */
export async function registerUser(
  { db, write, passwords }: { db: Db; write: Write; passwords: Passwords },
  { username, password }: z.output<typeof RegisterInput>,
): Promise<UserView> {
  if (await isTaken(db, username)) throw new Invalid({ username: TAKEN })
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

/** Who this is. Throws Invalid, in the same words for an unknown name and a wrong password. */
export async function authenticate(
  { db, passwords }: { db: Db; passwords: Passwords },
  { username, password }: z.output<typeof SignInInput>,
): Promise<UserRow> {
  const found = await findWithPassword(db, username)
  const right = await passwords.verify(found?.password_hash ?? null, password)
  if (!found || !right) throw new Invalid({ username: 'User not found' })
  return { ...toUserView(found), feed_id: found.feed_id }
}

async function isTaken(db: Db, name: string): Promise<boolean> {
  return db.exists(sql.unsafe`select from names where name = ${name} and current`)
}

async function findWithPassword(db: Db, username: string) {
  if (!isUsername(username)) return null
  return db.maybeOne(sql.row<UserRow & { password_hash: string }>()`
    select id, feed_id, username, name, avatar, password_hash
    from users
    where username = ${username}`)
}
