import { sql, type Db, type Write } from '../db/pool.ts'
import { NotFound, Unavailable } from '../lib/errors.ts'
import { CONTENT_TYPE, isVariant, type Picture } from './images.ts'

/** Attempts to store a picture that other people delete at the same moment. */
const MAX_ATTEMPTS = 3

/** Images that one run of the upkeep looks at. */
const CHUNK = 500

/**
 * Stores a picture, then runs `save`, which makes it a user's. Each has its own transaction, so that the locks of `save`
 * do not wait for the bytes. The rows of the picture stay locked while `save` runs: `delete_unused_pictures` waits for it.
 * Throws Unavailable if other people delete the same picture each time.
 */
export async function saveWithPicture<T>(
  write: Write,
  picture: Picture,
  save: (tx: Db) => Promise<T>,
): Promise<T> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    await write((tx) => insertPicture(tx, picture))
    const saved = await write(async (tx) =>
      (await lockPicture(tx, picture)) ? { result: await save(tx) } : null,
    )
    if (saved) return saved.result
  }
  throw new Unavailable()
}

/** Two people with the same picture share its rows. */
async function insertPicture(tx: Db, { hash, variants }: Picture): Promise<void> {
  for (const { variant, bytes } of variants.toSorted((a, b) => (a.variant < b.variant ? -1 : 1))) {
    await tx.query(sql.unsafe`
      insert into images (hash, variant, content_type, bytes)
      values (${hash}, ${variant}, ${CONTENT_TYPE}, ${sql.binary(bytes)})
      on conflict do nothing`)
  }
}

/** Returns false if the picture has been deleted since it was stored. */
async function lockPicture(tx: Db, { hash, variants }: Picture): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    select from images
    where hash = ${hash}
    order by variant
    for key share`)
  return rowCount === variants.length
}

/** Deletes those of the pictures that no user has. */
export async function deleteUnusedPictures(write: Write, hashes: string[]): Promise<void> {
  if (hashes.length === 0) return
  await write((tx) => tx.query(sql.unsafe`select delete_unused_pictures(${sql.array(hashes, 'text')})`))
}

/**
 * A chore that deletes the pictures left by a save that was cut short. Each call looks at the next rows of the table,
 * and starts again after the last one.
 */
export function createPictureUpkeep(): (tx: Db) => Promise<void> {
  let after = ''
  return async (tx) => {
    const hashes = await tx.anyFirst(sql.row<{ hash: string }>()`
      select hash from images where hash > ${after} order by hash limit ${CHUNK}`)
    after = hashes.length < CHUNK ? '' : hashes.at(-1)!
    const unused = await tx.anyFirst(sql.row<{ hash: string }>()`
      select distinct hash
      from unnest(${sql.array([...hashes], 'text')}) as hash
      where not exists (select from users u where u.avatar = hash)`)
    await tx.query(sql.unsafe`select delete_unused_pictures(${sql.array([...unused], 'text')})`)
  }
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
