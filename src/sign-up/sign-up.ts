import type { FragmentSqlToken } from 'slonik'
import { sql, type Db } from '../db/pool.ts'
import { Forbidden } from '../lib/errors.ts'
import { hashSecret } from '../lib/secrets.ts'

export const SIGN_UP_MODES = ['open', 'invitation', 'closed'] as const
/** Who may register: everybody, people with an invitation, or nobody. */
export type SignUpMode = (typeof SIGN_UP_MODES)[number]

export interface SignUpState {
  sign_up: SignUpMode
  /** Why this visitor may not register; null if the visitor may. */
  refused: string | null
}

/** Returns whether a visitor with this invitation (the secret of a link, or null) may register. */
export async function getSignUpState(db: Db, invitation: string | null): Promise<SignUpState> {
  const { sign_up, invited } = await db.one(sql.row<{ sign_up: SignUpMode; invited: boolean }>()`
    select s.sign_up, exists (select from invitations i where ${isUsable(invitation)}) as invited
    from site_settings s`)
  if (sign_up === 'open' || (sign_up === 'invitation' && invited)) return { sign_up, refused: null }
  if (sign_up === 'closed') return { sign_up, refused: 'Registration is closed on this site.' }
  const refused =
    invitation === null
      ? 'You need an invitation to register on this site.'
      : 'This invitation is not valid any more. Ask for a new one.'
  return { sign_up, refused }
}

/** @throws Forbidden with the reason, if a visitor with this invitation may not register. */
export async function requireSignUp(db: Db, invitation: string | null): Promise<void> {
  const { refused } = await getSignUpState(db, invitation)
  if (refused !== null) throw new Forbidden(refused)
}

/**
 * An INSERT into `users` of the values, which are one row, if the visitor may register. It counts a use of the
 * invitation. It inserts nothing if the mode has changed, or somebody else has had the last use meanwhile.
 */
export function insertIfAdmitted(values: FragmentSqlToken, invitation: string | null): FragmentSqlToken {
  return sql.fragment`
    with used as (
      update invitations i
      set uses = uses + 1
      where (select sign_up from site_settings) = 'invitation' and ${isUsable(invitation)}
      returning i.id
    )
    insert into users (username, password_hash)
    select ${values}
    where (select sign_up from site_settings) = 'open' or exists (select from used)`
}

/** A condition on the row `i` of invitations. */
function isUsable(invitation: string | null): FragmentSqlToken {
  if (invitation === null) return sql.fragment`false`
  return sql.fragment`i.hash = ${sql.binary(hashSecret(invitation))} and i.revoked_at is null
    and i.expires_at > now() and i.uses < i.max_uses`
}
