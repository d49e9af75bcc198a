import { SimulatedLog, type Committed } from './log.ts'
import type { Random } from '../random.ts'
import type { Process, Scheduler } from '../scheduler.ts'

/** The current faults. A history switches them on and off. */
export interface Faults {
  /** Every read fails, and nothing is written. */
  down: boolean
  /** The longest read, in milliseconds. */
  slowMs: number
  /** The share of reads that fail, some of them after 4 s. */
  failing: number
  /** The share of notifications that are lost, and of those that arrive twice. */
  lost: number
  doubled: number
  /** The longest delay of a notification, in milliseconds. */
  lateMs: number
}

export const NO_FAULTS: Readonly<Faults> = {
  down: false,
  slowMs: 3,
  failing: 0,
  lost: 0,
  doubled: 0,
  lateMs: 2,
}

export interface Database {
  readonly log: SimulatedLog
  readonly faults: Faults
  /** Reads a snapshot, taken at the beginning or at the end of the read. `rows` is its cost. */
  read<Result>(process: Process, take: () => Result, rows?: (result: Result) => number): Promise<Result>
  /** Like `read`, for callers that are not in an instance. `done` gets null if the read fails. */
  readPage<Result>(take: () => Result, done: (result: { value: Result } | null) => void): void
  onCommit(listener: (committed: Committed) => void): () => void
  /** Ends every connection, as a restart does. */
  restart(): void
  onRestart(listener: () => void): () => void
  /** When a read last failed or was slow. */
  troubledAt(): number
}

const ROW_MS = 0.001

export function createDatabase(scheduler: Scheduler, random: Random, firstSeq: number): Database {
  const faults: Faults = { ...NO_FAULTS }
  const log = new SimulatedLog(firstSeq)
  const commits = new Set<(committed: Committed) => void>()
  const restarts = new Set<() => void>()
  let incarnation = 0
  let troubledAt = -Infinity
  log.onCommit = (committed) => {
    for (const listener of commits) listener(committed)
  }

  function read<Result>(
    after: (ms: number, run: () => void) => void,
    take: () => Result,
    done: (result: { value: Result } | null) => void,
    rows: (result: Result) => number = () => 1,
  ): void {
    const begunIn = incarnation
    const fail = (): void => {
      troubledAt = scheduler.now()
      done(null)
    }
    if (faults.down || random.chance(faults.failing)) {
      after(random.chance(0.3) ? random.between(2_000, 4_000) : random.between(1, 50), fail)
      return
    }
    const early = random.chance(0.5) ? { value: take() } : null
    const ms = 0.2 + random.next() * faults.slowMs + (early ? rows(early.value) * ROW_MS : 0)
    if (ms > 100) troubledAt = scheduler.now()
    after(ms, () => {
      if (faults.down || begunIn !== incarnation) fail()
      else done(early ?? { value: take() })
    })
  }

  return {
    log,
    faults,
    read(process, take, rows = () => 1) {
      return new Promise((resolve, reject) => {
        read(
          process.after,
          take,
          (result) => {
            if (result === null) return reject(new Error('the database does not answer'))
            process.charge(0.02 + rows(result.value) * ROW_MS)
            resolve(result.value)
          },
          rows,
        )
      })
    },
    readPage: (take, done) => read(scheduler.after, take, done),
    onCommit(listener) {
      commits.add(listener)
      return () => commits.delete(listener)
    },
    restart() {
      incarnation += 1
      troubledAt = scheduler.now()
      for (const listener of restarts) listener()
    },
    onRestart(listener) {
      restarts.add(listener)
      return () => restarts.delete(listener)
    },
    troubledAt: () => troubledAt,
  }
}
