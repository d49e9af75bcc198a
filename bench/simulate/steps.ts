import type { Faults } from './world/database.ts'
import type { StepKind } from './history.ts'
import { createRandom, type Random } from './random.ts'
import type { Simulation } from './simulation.ts'
import { feedOf, GROUP_FEEDS, stateOf, type Post } from './states.ts'

/** The time within which instances notice that the database went back. The checker cannot follow two forks at once. */
const BETWEEN_FORKS_MS = 20_000

/** Runs one step. All random values come from `choice`. */
export function applyStep(simulation: Simulation, kind: StepKind, choice: number): void {
  const { database } = simulation
  const random = createRandom(choice)
  if (kind in WRITES) {
    if (!database.faults.down) WRITES[kind as keyof typeof WRITES](simulation, random)
  } else if (kind in FAULTS) {
    addFault(simulation, random, FAULTS[kind as keyof typeof FAULTS](random))
  } else {
    EVENTS[kind as keyof typeof EVENTS](simulation, random)
  }
}

type Action = (simulation: Simulation, random: Random) => void

const anyUser = ({ settings }: Simulation, random: Random): number => random.between(1, settings.users)

/** Returns an existing post, preferably a new one. */
function withPost(simulation: Simulation, random: Random, change: (post: Post) => void): void {
  const posts = [...simulation.database.log.posts.values()]
    .slice(-12)
    .filter((post) => stateOf(post)?.body !== null)
  if (posts.length > 0) change(random.pick(posts))
}

function withComment(
  simulation: Simulation,
  random: Random,
  change: (post: Post, comment: number) => void,
): void {
  const { posts } = simulation.database.log
  const commented = [...posts.values()].slice(-20).filter((post) => stateOf(post)!.comments.length > 0)
  if (commented.length === 0) return
  const post = random.pick(commented)
  change(post, random.pick(stateOf(post)!.comments).id)
}

function addPosts(simulation: Simulation, random: Random, count: number, fillerBytes: number): void {
  const filler = 'x'.repeat(fillerBytes)
  for (let n = 0; n < count; n++) {
    const group = random.chance(0.4) ? random.pick(GROUP_FEEDS) : null
    simulation.database.log.addPost(anyUser(simulation, random), group, filler)
  }
}

const WRITES = {
  post: (simulation, random) => addPosts(simulation, random, 1, random.chance(0.05) ? 8_000 : 0),
  edit: (simulation, random) =>
    withPost(simulation, random, (post) => simulation.database.log.editPost(post)),
  delete: (simulation, random) =>
    withPost(simulation, random, (post) => simulation.database.log.deletePost(post)),
  comment: (simulation, random) =>
    withPost(simulation, random, (post) =>
      simulation.database.log.addComment(post, anyUser(simulation, random)),
    ),
  'edit comment': (simulation, random) =>
    withComment(simulation, random, (post, id) => simulation.database.log.editComment(post, id)),
  'delete comment': (simulation, random) =>
    withComment(simulation, random, (post, id) => simulation.database.log.deleteComment(post, id)),
  rename: (simulation, random) => simulation.database.log.renameUser(anyUser(simulation, random)),
  'roll back': ({ database }, random) =>
    database.log.skipNumbers(random.chance(0.02) ? 2_500_000 : random.between(1, 3)),
  'change rights'(simulation, random) {
    const { log } = simulation.database
    const user = anyUser(simulation, random)
    const feed = random.chance(0.6) ? GROUP_FEEDS[0]! : random.pick([52, feedOf(1), feedOf(2)])
    if (feed !== feedOf(user)) log.subscribe(user, feed, !log.isSubscribed(user, feed))
  },
  'end a session'({ database }, random) {
    const sessions = [...database.log.rights.sessions.keys()]
    if (sessions.length > 0) database.log.endSession(random.pick(sessions))
  },
  burst(simulation, random) {
    const count = random.pick([20, 20, 20, 60, 60, 120, random.pick([300, 600])])
    addPosts(simulation, random, count, random.pick([0, 0, 0, 300, count <= 300 ? 8_000 : 1_000]))
  },
  'foreign rows'({ database }, random) {
    const count = random.pick([20_000, 200_000, 800_000, 1_500_000])
    database.log.commit('like', ['feed:999'], { action: 'added' }, count)
  },
  trim: ({ database: { log } }, random) => log.trim(log.newest() - random.between(0, 30)),
} satisfies Partial<Record<StepKind, Action>>

const FAULTS = {
  'database is away': () => ({ down: true }),
  'slow reads': (random) => ({ slowMs: random.pick([50, 500, 3_000]) }),
  'failing reads': (random) => ({ failing: random.pick([0.1, 0.5, 1]) }),
  'lost notifications': (random) => ({ lost: random.pick([0.1, 0.5, 1]) }),
  'doubled notifications': () => ({ doubled: 0.5 }),
  'late notifications': (random) => ({ lateMs: random.pick([50, 500, 3_000]) }),
} satisfies Partial<Record<StepKind, (random: Random) => Partial<Faults>>>

function addFault({ scheduler, database }: Simulation, random: Random, fault: Partial<Faults>): void {
  const before = { ...database.faults }
  Object.assign(database.faults, fault)
  if (fault.down) database.restart()
  scheduler.after(Math.floor(2 ** (5 + random.next() * 8)), () => {
    for (const key of Object.keys(fault) as (keyof Faults)[])
      Object.assign(database.faults, { [key]: before[key] })
  })
}

function goBack(simulation: Simulation, random: Random): void {
  const { scheduler, database, instances } = simulation
  const { log } = database
  if (scheduler.now() - (forkedAt.get(log) ?? -Infinity) < BETWEEN_FORKS_MS) return
  forkedAt.set(log, scheduler.now())
  log.goBack(Math.max(log.newest() - random.pick([0, 1, 2, 5, 20]), simulation.firstRow))
  for (const instance of instances()) if (instance.isAlive()) instance.noteFork(log.newest())
  database.restart()
}
const forkedAt = new WeakMap<object, number>()

const EVENTS = {
  'database goes back': goBack,
  'LISTEN is lost': ({ instances }, random) => random.pick(instances()).loseChannel(),
  crash: (simulation, random) =>
    simulation.replaceInstance(
      random.between(0, simulation.settings.instances - 1),
      random.between(100, 8_000),
    ),
  drain(simulation, random) {
    const index = random.between(0, simulation.settings.instances - 1)
    const instance = simulation.instances()[index]!
    if (instance.isReady() && !instance.isDraining()) {
      instance.drain(() => simulation.replaceInstance(index, random.between(100, 2_000)))
    }
  },
  disconnect: ({ clients }, random) => random.pick(clients).disconnect(random.between(0, 4)),
  vanish: ({ clients }, random) => random.pick(clients).vanish(Math.floor(2 ** (6 + random.next() * 9))),
  pace: ({ clients }, random) => random.pick(clients).setPace(random.pick(['fast', 'slow', 'stalled'])),
  'earlier cursor': ({ clients }, random) => random.pick(clients).goBack(random.between(0, 1_000)),
  reload: ({ clients }, random) => random.pick(clients).reload(),
  wait() {},
} satisfies Partial<Record<StepKind, Action>>
