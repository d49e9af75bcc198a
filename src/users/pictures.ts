import { sql, type Db } from '../lib/db.ts'
import { NotFound } from '../lib/errors.ts'
import { CONTENT_TYPE, isVariant, type Picture } from '../lib/images.ts'

/** Stores a picture; two people with the same one share it. */
export async function insertPicture(tx: Db, { hash, variants }: Picture): Promise<void> {
  for (const { variant, bytes } of variants) {
    await tx.query(sql.unsafe`
      insert into images (hash, variant, content_type, bytes)
      values (${hash}, ${variant}, ${CONTENT_TYPE}, ${sql.binary(bytes)})
      on conflict do nothing`)
  }
}

/**
 * Removes a picture that is nobody's any more. Only within a transaction that has changed a picture: these wait for
 * each other (sql/40_people.sql), so nobody can be taking up the picture just now.
 */
export async function deleteUnusedPicture(tx: Db, hash: string): Promise<void> {
  await tx.query(sql.unsafe`
    delete from images
    where hash = ${hash} and not exists (select from users where avatar = ${hash})`)
}

/** One size of a picture. Throws NotFound. */
export async function getPicture(
  db: Db,
  hash: string,
  variant: string,
): Promise<{ content_type: string; bytes: Buffer }> {
  const found =
    /^[\da-f]{40}$/.test(hash) && isVariant(variant)
      ? await db.maybeOne(sql.row<{ content_type: string; bytes: Buffer }>()`
          select content_type, bytes
          from images
          where hash = ${hash} and variant = ${variant}`)
      : null
  if (!found) throw new NotFound('There is no such picture.')
  return found
}
