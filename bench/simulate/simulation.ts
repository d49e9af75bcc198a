import type { Ring } from '../../src/stream/relay/ring.ts'
import { createRing } from '../../src/stream/relay/ring.ts'
import { groupPage, publicPage, userPage, type Audience } from './audience.ts'
import { createClient, type SimulatedClient } from './world/client.ts'
import { createDatabase, type Database } from './world/database.ts'
import { startSimulatedInstance, type SimulatedInstance } from './world/instance.ts'
import type { Parts } from './parts.ts'
import type { Random } from './random.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'

export interface Settings {
  users: number
  clients: number
  instances: number
  /** The number before the first one of the log. */
  firstSeq: number
  /** Further clients of each instance: they only cost time. */
  crowd: number
  ringFrames: number
  ringBytes: number
}

/** One run: its parts, and how instances start, end and are chosen. */
export interface Simulation {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly database: Database
  readonly settings: Settings & { createRing(): Ring; streamsPerUser: number }
  readonly clients: SimulatedClient[]
  /** The last row of the initial users. The database never goes back to before it. */
  readonly firstRow: number
  instances(): SimulatedInstance[]
  chooseInstance(): SimulatedInstance | undefined
  /** Another instance replaces it after `ms`. */
  replaceInstance(index: number, ms: number): void
  /** Ends the run with a broken promise. */
  fail(why: string): void
  failures(): readonly string[]
  /** What clients received, and the reads for replays. If these stay 0, the simulation proves nothing. */
  readonly counts: { blocks: number; beats: number; resets: number; topicReads: number; frameReads: number }
}

export function createSimulation(random: Random, settings: Settings, parts: Parts): Simulation {
  const scheduler = createScheduler()
  const database = createDatabase(scheduler, random, settings.firstSeq)
  const failures: string[] = []
  addUsers(database, settings.users)
  const running: SimulatedInstance[] = []
  const clients: SimulatedClient[] = []
  const simulation: Simulation = {
    scheduler,
    random,
    database,
    settings: {
      ...settings,
      createRing: () => createRing({ maxFrames: settings.ringFrames, maxBytes: settings.ringBytes }),
      streamsPerUser: 10,
    },
    clients,
    firstRow: database.log.newest(),
    instances: () => running,
    chooseInstance() {
      const alive = running.filter((instance) => instance.isAlive())
      const ready = alive.filter((instance) => instance.isReady() && !instance.isDraining())
      const candidates = ready.length > 0 && random.chance(0.9) ? ready : alive
      return candidates.length > 0 ? random.pick(candidates) : undefined
    },
    replaceInstance(index, ms) {
      const old = running[index]!
      old.crash()
      scheduler.after(ms, () => {
        if (running[index] === old) running[index] = startSimulatedInstance(simulation, parts)
      })
    },
    fail(why) {
      failures.push(`${(scheduler.now() / 1000).toFixed(3)} s: ${why}`)
    },
    failures: () => failures,
    counts: { blocks: 0, beats: 0, resets: 0, topicReads: 0, frameReads: 0 },
  }
  for (let n = 0; n < settings.instances; n++) running.push(startSimulatedInstance(simulation, parts))
  for (let n = 0; n < settings.clients; n++) {
    clients.push(createClient(simulation, `client ${n}`, audienceOf(n, settings.users, random)))
  }
  return simulation
}

function addUsers({ log }: Database, users: number): void {
  for (let user = 1; user <= users; user++) log.addUser(user, `session${user}`)
  for (let user = 1; user <= users; user++) {
    log.subscribe(user, 51, user % 2 === 1)
    log.subscribe(user, 101 + (user % users), true)
  }
}

/** The first four clients: a home page, a private group, the public page, a home page with other pages. */
function audienceOf(n: number, users: number, random: Random): Audience {
  const user = 1 + random.between(0, users - 1)
  const signedIn = { user, session: `session${user}` }
  switch (n < 4 ? n : random.between(0, 4)) {
    case 0:
      return { ...signedIn, home: true, pages: [] }
    case 1:
      return { user: 1, session: 'session1', home: false, pages: [groupPage(0)] }
    case 2:
      return { user: null, session: null, home: false, pages: [publicPage] }
    case 3:
      return { ...signedIn, home: true, pages: [userPage(1 + random.between(0, users - 1)), publicPage] }
    default:
      return { user: 1, session: 'session1', home: true, pages: [groupPage(random.between(0, 1))] }
  }
}
