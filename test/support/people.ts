import { sql, type Db } from '../../src/db/pool.ts'

/** Inserts users into the table without HTTP; the triggers create their feeds. Returns them in order. */
export async function insertUsers(db: Db, usernames: string[]): Promise<Person[]> {
  const people: Person[] = []
  for (const username of usernames) {
    people.push(
      await db.one(sql.row<Person>()`
        insert into users (username, password_hash)
        values (${username}, 'not a valid hash')
        returning id, feed_id, username`),
    )
  }
  return people
}

export interface Person {
  id: string
  feed_id: string
  username: string
}
