import type { DatabasePool, DatabasePoolConnection } from 'slonik'
import { createKeyedSlots, createSlots } from '../lib/slots.ts'
import { withinDeadline } from './deadline.ts'
import type { Gather } from './group/queue.ts'
import { MAX_WAIT_MS, type Write, type WriteTransaction } from './pool.ts'
import { takeQuery, withinQuery, withRelease } from './query-slots.ts'

/** Of the ten connections of an instance, writes use at most six: these and the one of the groups. */
const MAX_WRITES = 5
const MAX_WAITING_WRITES = 100
/** PostgreSQL runs writes to one row one after the other, so more of them would only occupy connections. */
const MAX_WRITES_PER_ROW = 2

/** Creates `write`. Without `gather`, every statement has a transaction of its own. */
export function createWrite(db: DatabasePool, gather: Gather = async () => 'alone'): Write {
  const writeAlone = createWriteAlone(db)
  const contended = createKeyCounter()
  const statement: Write['statement'] = async (query, row) => {
    const text = query.sql.replaceAll('$slonik_', '$')
    // While one write waits for the row, others would only make their group wait for it too.
    const outcome = contended.has(row)
      ? 'alone'
      : await withinDeadline(async (left) => {
          const wait = Math.min(MAX_WAIT_MS, left)
          const release = await takeQuery(wait)
          return gather({ text, values: query.values, row }, wait).finally(release)
        })
    if (typeof outcome === 'object') {
      if ('error' in outcome) throw outcome.error
      return outcome.rows as never
    }
    const end = outcome === 'contended' ? contended.add(row) : () => {}
    return writeAlone((tx) => tx.any(query), row).finally(end)
  }
  return Object.assign(writeAlone, { statement })
}

/**
 * Each write is one separate transaction, because triggers collect data until the commit. Writes that wait for a lock
 * leave connections for reads, and writes that wait for one row leave connections for other rows.
 */
function createWriteAlone(db: DatabasePool): WriteTransaction {
  const all = createSlots({ size: MAX_WRITES, waiting: MAX_WAITING_WRITES })
  const rows = createKeyedSlots({ size: MAX_WRITES_PER_ROW, waiting: MAX_WAITING_WRITES })
  return (fn, row) =>
    withinDeadline(async (left) => {
      const wait = Math.min(MAX_WAIT_MS, left)
      const release = await takeEach([
        () => takeQuery(wait),
        ...(row === undefined ? [] : [() => rows.take(row, wait)]),
        () => all.take(wait),
      ])
      const transact = (connection: DatabasePoolConnection) => connection.transaction((tx) => fn(tx))
      return withinQuery(() => withRelease(release, transact, db.connect))
    })
}

type Release = () => void

/** Takes the slots one after the other. If one throws, the earlier ones are released. */
async function takeEach(takes: (() => Promise<Release>)[]): Promise<Release> {
  const taken: Release[] = []
  const release = (): void => taken.forEach((one) => one())
  try {
    for (const take of takes) taken.push(await take())
    return release
  } catch (error) {
    release()
    throw error
  }
}

/** Counts how often each key is in use. */
function createKeyCounter() {
  const counts = new Map<string, number>()
  return {
    has: (key: string) => counts.has(key),
    /** Returns the function that ends this use. */
    add(key: string): () => void {
      counts.set(key, (counts.get(key) ?? 0) + 1)
      return () => {
        const left = counts.get(key)! - 1
        if (left === 0) counts.delete(key)
        else counts.set(key, left)
      }
    },
  }
}
