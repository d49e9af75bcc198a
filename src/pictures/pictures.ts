import { sql, type Db, type Write } from '../db/pool.ts'
import { NotFound, Unavailable } from '../lib/errors.ts'
import { CONTENT_TYPE, isVariant, type Picture } from './images.ts'

/** Attempts to store a picture while other users delete the same picture. */
const MAX_ATTEMPTS = 3

/** Pictures that one run of the upkeep checks. */
const CHUNK = 500

/**
 * Stores a picture, then runs `save`, which gives it to a user. Each step has its own transaction, so that `save` does
 * not hold its locks while the bytes are written. The rows of the picture stay locked while `save` runs:
 * `delete_unused_pictures` waits for it.
 * @throws Unavailable if other users delete the same picture during each attempt.
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

/** Users with the same picture share its rows. The order of the inserts prevents deadlocks. */
async function insertPicture(tx: Db, { hash, variants }: Picture): Promise<void> {
  for (const { variant, bytes } of variants.toSorted((a, b) => (a.variant < b.variant ? -1 : 1))) {
    await tx.query(sql.command`
      insert into images (hash, variant, content_type, bytes)
      values (${hash}, ${variant}, ${CONTENT_TYPE}, ${sql.binary(bytes)})
      on conflict do nothing`)
  }
}

/** Returns false if the picture has been deleted since it was stored. */
async function lockPicture(tx: Db, { hash, variants }: Picture): Promise<boolean> {
  const { rowCount } = await tx.query(sql.command`
    select from images
    where hash = ${hash}
    order by variant
    for key share`)
  return rowCount === variants.length
}

/** Deletes the pictures with these hashes, except those that a user has. */
export async function deleteUnusedPictures(write: Write, hashes: string[]): Promise<void> {
  if (hashes.length === 0) return
  await write((tx) => tx.query(sql.command`select delete_unused_pictures(${sql.array(hashes, 'text')})`))
}

/**
 * Returns a function that deletes pictures left behind by an interrupted save. Each call checks the next pictures of
 * the table; after the last one it starts again with the first.
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
    await tx.query(sql.command`select delete_unused_pictures(${sql.array([...unused], 'text')})`)
  }
}

/**
 * Reads one size of a picture.
 * @throws NotFound if it does not exist.
 */
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
  if (!found) throw new NotFound('Picture not found')
  return found
}
