import { z } from 'zod'
import { toPage, type Cursor } from '../db/pagination.ts'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid, NotFound } from '../lib/errors.ts'
import { hashSecret, newSecret } from '../lib/secrets.ts'
import type { InvitationView } from '../shared/pages.ts'
import { SIGN_UP_MODES, type SignUpMode } from '../sign-up/sign-up.ts'
import { optional } from '../web/body.ts'
import { logEntries, mayAct, requireAdmin } from './actor.ts'

const PAGE = 10

type Admin = { id: string }

export const SignUpInput = z.object({
  sign_up: z.enum(SIGN_UP_MODES, { error: 'Please choose who may register' }),
})

export const InvitationInput = z.object({
  uses: wholeNumber(1, 1000, 'An invitation works for 1 to 1,000 people').default(1),
  days: wholeNumber(1, 90, 'An invitation lasts for 1 to 90 days').default(7),
  note: optional(100),
})

/**
 * Changes who may register.
 * @throws Forbidden if `me` is not an admin.
 */
export async function setSignUp(
  { db, write }: { db: Db; write: Write },
  me: Admin,
  mode: SignUpMode,
): Promise<void> {
  await requireAdmin(db, me)
  await write((tx) =>
    tx.query(sql.command`
      with changed as (
        update site_settings
        set sign_up = ${mode}
        where sign_up <> ${mode} and ${mayAct(me)}
        returning sign_up
      )
      ${logEntries(me, sql.fragment`changed`, {
        action: 'sign-up changed',
        detail: sql.fragment`jsonb_build_object('sign_up', sign_up)`,
      })}`),
  )
}

/**
 * Creates an invitation. Returns the secret of its link, which is stored only as a hash.
 * @throws Forbidden if `me` is not an admin.
 */
export async function createInvitation(
  { db, write }: { db: Db; write: Write },
  me: Admin,
  { uses, days, note }: z.output<typeof InvitationInput>,
): Promise<{ id: string; secret: string }> {
  const secret = newSecret()
  const created = await write((tx) =>
    tx.maybeOneFirst(sql.row<{ id: string }>()`
      with created as (
        insert into invitations (hash, creator_id, note, expires_at, max_uses)
        select
          ${sql.binary(hashSecret(secret))}, ${me.id}, coalesce(${note}::text, ''),
          now() + ${days} * interval '1 day', ${uses}
        where ${mayAct(me)}
        returning id, note
      ),
      logged as (
        ${logEntries(me, sql.fragment`created`, {
          action: 'invitation created',
          detail: sql.fragment`jsonb_build_object('invitation', id::text, 'note', note)`,
        })}
      )
      select id from created`),
  )
  if (created !== null) return { id: created, secret }
  await requireAdmin(db, me)
  throw new Error('The invitation was not created')
}

/** Lists invitations, newest first. */
export async function listInvitations(
  db: Db,
  before: Cursor,
): Promise<{ invitations: InvitationView[]; before: string | null }> {
  const rows = await db.any(sql.row<InvitationView & { at: string }>()`
    select
      i.id,
      utc(i.created_at) as at,
      i.note,
      (select user_view(u) from users u where u.id = i.creator_id and u.deleted_at is null) as creator,
      utc(i.created_at) as created_at,
      utc(i.expires_at) as expires_at,
      i.uses,
      i.max_uses,
      case
        when i.revoked_at is not null then 'revoked'
        when i.uses >= i.max_uses then 'used'
        when i.expires_at <= now() then 'expired'
        else 'valid'
      end as state
    from invitations i
    where (i.created_at, i.id) < (${before.at}::timestamptz, ${before.id}::bigint)
    order by i.created_at desc, i.id desc
    limit ${PAGE + 1}`)
  const page = toPage(rows, PAGE)
  return { invitations: page.rows.map(({ at: _at, ...row }) => row), before: page.before }
}

/**
 * Makes an invitation invalid. People who have used it stay.
 * @throws Forbidden if `me` is not an admin.
 * @throws NotFound if it does not exist, and Invalid if it is revoked already.
 */
export async function revokeInvitation(
  { db, write }: { db: Db; write: Write },
  me: Admin,
  id: string,
): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with revoked as (
        update invitations
        set revoked_at = clock_timestamp()
        where id = ${id} and revoked_at is null and ${mayAct(me)}
        returning id, note
      )
      ${logEntries(me, sql.fragment`revoked`, {
        action: 'invitation revoked',
        detail: sql.fragment`jsonb_build_object('invitation', id::text, 'note', note)`,
      })}`),
  )
  if (rowCount === 1) return
  await requireAdmin(db, me)
  const exists = await db.exists(sql.command`select from invitations where id = ${id}`)
  if (!exists) throw new NotFound('Invitation not found')
  throw new Invalid({ invitation: 'This invitation is revoked already' })
}

/** A number in a form or in JSON. */
function wholeNumber(min: number, max: number, error: string) {
  return z
    .union([z.string().regex(/^\s*\d{1,6}\s*$/, { error }), z.number({ error })], { error })
    .transform(Number)
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, { error })
}
