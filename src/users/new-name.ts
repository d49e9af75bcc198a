import { z } from 'zod'
import { trimBlank } from '../lib/blank.ts'
import { text } from '../web/body.ts'
import { foldName } from '../web/paths.ts'
import { isReserved } from './reserved.ts'

/** A name that a person chooses for an account or a group, in lower case; the arguments are the error messages. */
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
