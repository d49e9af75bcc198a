import { z } from 'zod'
import { sql, type Db } from '../db/pool.ts'
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

/** Whether a user or a group has this name. A username that its user has changed is free. */
export async function isTaken(db: Db, name: string): Promise<boolean> {
  return db.exists(sql.command`select from names where name = ${name} and current`)
}
