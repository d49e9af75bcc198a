import { z } from 'zod'
import { sql, type Db, type Write } from '../db/pool.ts'
import { Invalid, NotFound } from '../lib/errors.ts'
import { newName } from '../names/names.ts'
import { logEntries, mayAct, requireAdmin } from './actor.ts'

/** More names than a page shows well; a site with more of them needs another rule than a list. */
const MAX_NAMES = 1_000

type Admin = { id: string }

export const ReservedNameInput = z.object({
  name: newName({
    empty: 'Please enter a name',
    malformed: 'A name must have 3 to 15 letters, digits or underscores',
    reserved: 'This name is always reserved',
  }),
})

/** Lists the names that admins have reserved, in alphabetical order. */
export async function listReservedNames(db: Db): Promise<string[]> {
  const names = await db.anyFirst(sql.row<{ name: string }>()`
    select name from reserved_names order by name limit ${MAX_NAMES}`)
  return [...names]
}

/**
 * Reserves a name: nobody can take it from now on. An account or a group that has it keeps it.
 * @throws Forbidden if `me` is not an admin.
 * @throws Invalid if the name is reserved already, or there are too many of them.
 */
export async function reserveName(
  { db, write }: { db: Db; write: Write },
  me: Admin,
  name: string,
): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with reserved as (
        insert into reserved_names (name)
        select ${name}
        where ${mayAct(me)} and (select count(*) from reserved_names) < ${MAX_NAMES}
        on conflict do nothing
        returning name
      )
      ${logEntries(me, sql.fragment`reserved`, {
        action: 'name reserved',
        detail: sql.fragment`jsonb_build_object('name', name)`,
      })}`),
  )
  if (rowCount === 1) return
  await requireAdmin(db, me)
  const isReserved = (await listReservedNames(db)).includes(name)
  throw new Invalid({
    name: isReserved ? 'This name is reserved already' : 'There are too many reserved names',
  })
}

/**
 * Makes a reserved name free again.
 * @throws Forbidden if `me` is not an admin.
 * @throws NotFound if it is not reserved.
 */
export async function releaseName(
  { db, write }: { db: Db; write: Write },
  me: Admin,
  name: string,
): Promise<void> {
  const { rowCount } = await write((tx) =>
    tx.query(sql.command`
      with released as (delete from reserved_names where name = ${name} and ${mayAct(me)} returning name)
      ${logEntries(me, sql.fragment`released`, {
        action: 'name released',
        detail: sql.fragment`jsonb_build_object('name', name)`,
      })}`),
  )
  if (rowCount === 1) return
  await requireAdmin(db, me)
  throw new NotFound('This name is not reserved')
}
