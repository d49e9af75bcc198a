import { useDatabase, type TestDatabase } from './database.ts'
import { client, type Client } from './http.ts'
import { startInstance, type Instance } from './servers/instance.ts'

export interface Site<Name extends string> {
  database: TestDatabase
  /** Empty until the before hook has run. */
  instances: Instance[]
  /** Signed-in clients by username; they work once the before hook has run. */
  people: Record<Name, Client>
  /** An anonymous client of the first instance. */
  guest: Client
}

/**
 * Starts a site for the describe block that calls it: an empty database, instances, and registered people. The people
 * use the instances in turn.
 */
export function useSite<Name extends string = never>({
  people: names = [],
  instances: count = 1,
  env = {},
}: { people?: Name[]; instances?: number; env?: Record<string, string> } = {}): Site<Name> {
  const database = useDatabase()
  const instances: Instance[] = []
  const people = names.map((name, n) => [name, client(() => instances[n % count]!.origin)] as const)

  before(async () => {
    const starts = Array.from({ length: count }, () => startInstance({ databaseUrl: database.url, env }))
    instances.push(...(await Promise.all(starts)))
    for (const [name, person] of people) await person.register(name)
  })
  return {
    database,
    instances,
    people: Object.fromEntries(people) as Record<Name, Client>,
    guest: client(() => instances[0]!.origin),
  }
}
