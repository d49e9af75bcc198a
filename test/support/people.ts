import { sql, type Db } from '../../src/db/pool.ts'

/** Inserts users straight into the table, as psql would: the triggers do the rest. Returns their ids in order. */
export async function insertUsers(db: Db, usernames: string[]): Promise<Person[]> {
  const people: Person[] = []
  for (const username of usernames) {
    people.push(
      await db.one(sql.row<Person>()`
        insert into users (username, password_hash)
        values (${username}, 'no password opens this')
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
