import { z } from 'zod'
import { sql, type Db } from '../db/pool.ts'
import { Invalid } from '../lib/errors.ts'
import { trimBlank } from '../lib/blank.ts'
import { text } from '../web/body.ts'
import { foldName } from '../web/paths.ts'
import { isReserved } from './reserved.ts'

/**
 * The schema of a new name for a user or a group; the output is in lower case. The arguments are the error messages.
 */
export function newName({ empty, malformed, reserved }: Record<'empty' | 'malformed' | 'reserved', string>) {
  return text({ max: 200, empty, long: 'This is too long' })
    .transform((typed, ctx) => {
      const name = foldName(trimBlank(typed))
      if (name !== null) return name
      ctx.addIssue(malformed)
      return z.NEVER
    })
    .refine((name) => !isReserved(name), { error: reserved, abort: true })
}

/** The form field of a name, and its messages. */
export interface NameErrors {
  field: string
  taken: string
  reserved: string
}

/**
 * Checks that a name is free. A username that its user has changed is free.
 * @throws Invalid if a user or a group has the name, or an admin has reserved it.
 */
export async function requireFreeName(
  db: Db,
  name: string,
  { field, taken, reserved }: NameErrors,
): Promise<void> {
  const found = await db.one(sql.row<{ taken: boolean; reserved: boolean }>()`
    select
      exists (select from names where name = ${name} and current) as taken,
      exists (select from reserved_names where name = ${name}) as reserved`)
  if (found.taken) throw new Invalid({ [field]: taken })
  if (found.reserved) throw new Invalid({ [field]: reserved })
}
