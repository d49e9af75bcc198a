import { client, type Client } from '../../support/http.ts'
import { startInstance, type Instance } from '../../support/servers/instance.ts'
import { startBalancer, type Balancer } from './balancer.ts'
import { startPostgres, type BenchPostgres } from './postgres.ts'
import { openDatabaseLink, type DatabaseLink } from './database-link.ts'

/** An instance and its two links to PostgreSQL: one for its pool, one for LISTEN. */
export interface Node {
  instance: Instance
  pool: DatabaseLink
  listen: DatabaseLink
  /** Starts a new process after the old one has ended. Waits until it is ready, or only until it listens. */
  replace(until?: 'ready' | 'listening'): Promise<void>
}

export interface Person {
  name: string
  client: Client
  csrf: string
}

export interface Cluster {
  postgres: BenchPostgres
  nodes: Node[]
  balancer: Balancer
  /** Every follower follows them. */
  authors: Person[]
  /** No follower follows them. */
  strangers: Person[]
  followers: Person[]
  stop(): Promise<void>
}

export interface ClusterSize {
  instances: number
  authors: number
  strangers: number
  followers: number
}

/** Starts PostgreSQL and instances behind a balancer, and registers authors, followers and strangers. */
export async function startCluster(size: ClusterSize): Promise<Cluster> {
  const postgres = await startPostgres()
  const balancer = await startBalancer()
  const nodes: Node[] = []
  async function stop(): Promise<void> {
    balancer.close()
    await Promise.all(nodes.map(({ instance }) => instance.kill()))
    for (const { pool, listen } of nodes) [pool, listen].forEach((link) => link.close())
    await postgres.remove()
  }
  try {
    for (let n = 0; n < size.instances; n++) nodes.push(await startNode(postgres, balancer))
    await until(() => balancer.ready() === nodes.length, 20_000, 'all instances to be ready')
    return { postgres, nodes, balancer, ...(await registerPeople(balancer.origin, size)), stop }
  } catch (error) {
    const written = nodes.map(({ instance }) => instance.logs()).join('')
    await stop()
    throw new Error(`The cluster did not start. Logs of the instances:\n${written}`, { cause: error })
  }
}

async function registerPeople(
  origin: string,
  size: ClusterSize,
): Promise<Pick<Cluster, 'authors' | 'strangers' | 'followers'>> {
  const people = async (kind: string, count: number): Promise<Person[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => registerPerson(origin, `${kind}${n}`)))
  const authors = await people('author', size.authors)
  const strangers = await people('stranger', size.strangers)
  const followers = await people('follower', size.followers)
  for (const follower of followers) {
    for (const author of authors) await follower.client.post(`/users/${author.name}/follow`)
  }
  return { authors, strangers, followers }
}

async function startNode(postgres: BenchPostgres, balancer: Balancer): Promise<Node> {
  const [pool, listen] = await Promise.all([openDatabaseLink(postgres.port), openDatabaseLink(postgres.port)])
  const through = (link: DatabaseLink): string => postgres.url.replace(`:${postgres.port}/`, `:${link.port}/`)
  async function start(until: 'ready' | 'listening' = 'ready'): Promise<Instance> {
    const instance = await startInstance({
      databaseUrl: through(pool),
      env: {
        LISTEN_DATABASE_URL: through(listen),
        LOG_LEVEL: process.env.LOG_LEVEL ?? 'warn',
        DRAIN_SECONDS: '1',
      },
      until,
    })
    balancer.add(instance.origin)
    return instance
  }
  const node: Node = {
    instance: await start(),
    pool,
    listen,
    async replace(until) {
      await node.instance.exited
      balancer.remove(node.instance.origin)
      node.instance = await start(until)
    },
  }
  return node
}

async function registerPerson(origin: string, name: string): Promise<Person> {
  const person = await client(origin).register(name)
  return { name, client: person, csrf: await person.csrf() }
}

/**
 * Waits until the condition is true.
 * @param timeout in milliseconds
 * @throws Error if the timeout has passed
 */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  timeout: number,
  what: string,
): Promise<void> {
  for (const end = Date.now() + timeout; !(await isTrue());) {
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}`)
    await pause(20)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
