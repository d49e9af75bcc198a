import type { Random } from './random.ts'
import type { Settings } from './simulation.ts'

/** The relative frequency of each step. */
const WEIGHTS = {
  post: 20,
  edit: 6,
  delete: 6,
  comment: 8,
  'edit comment': 3,
  'delete comment': 4,
  rename: 1,
  'roll back': 6,
  'change rights': 10,
  'end a session': 3,
  burst: 1,
  'foreign rows': 1,
  trim: 3,
  'database goes back': 1,
  'database is away': 2,
  'slow reads': 3,
  'failing reads': 3,
  'lost notifications': 3,
  'doubled notifications': 2,
  'late notifications': 3,
  'LISTEN is lost': 4,
  crash: 2,
  drain: 1,
  disconnect: 6,
  vanish: 4,
  pace: 6,
  'earlier cursor': 3,
  reload: 2,
  wait: 2,
} as const

export type StepKind = keyof typeof WEIGHTS

export interface Step {
  /** Milliseconds after the previous step. */
  after: number
  kind: StepKind
  /** Seeds the details of the step, so that they stay the same when other steps are removed. */
  choice: number
}

export interface History {
  seed: number
  settings: Settings
  steps: Step[]
}

const KINDS = Object.entries(WEIGHTS).flatMap(([kind, weight]) =>
  Array.from({ length: weight }, () => kind as StepKind),
)
const BLOCK = 16_384

export function createHistory(seed: number, random: Random): History {
  const settings: Settings = {
    users: random.between(2, 4),
    clients: random.between(4, 7),
    instances: random.between(2, 3),
    firstSeq: random.pick([0, 1, BLOCK - 20, BLOCK - 1, 3 * BLOCK - 60, random.between(1, 100_000)]),
    crowd: random.chance(0.1) ? 1_000 : 0,
    ringFrames: random.pick([2, 8, 30, 100, 4_096]),
    ringBytes: random.pick([4_096, 40_000, 16_777_216]),
  }
  const steps = Array.from({ length: random.between(20, 90) }, () => ({
    after: random.chance(0.3) ? 0 : Math.floor(2 ** (random.next() * 9)),
    kind: random.pick(KINDS),
    choice: random.between(0, 1_000_000_000),
  }))
  return { seed, settings, steps }
}

export function describeHistory({ seed, settings, steps }: History): string {
  const lines = steps.map(({ after, kind, choice }) => `  +${after} ms  ${kind}  (${choice})`)
  return [`seed ${seed}, ${JSON.stringify(settings)}`, ...lines].join('\n')
}
