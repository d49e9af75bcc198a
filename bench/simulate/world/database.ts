import { SimulatedLog, type Committed } from './log.ts'
import type { Random } from '../random.ts'
import type { Process, Scheduler } from '../scheduler.ts'

/** What is wrong at the moment; a history switches these on and off. */
export interface Faults {
  /** Every read fails, and no write happens. */
  down: boolean
  /** Milliseconds that a read takes at most. */
  slowMs: number
  /** Share of the reads that fail, some of them only after 4 s. */
  failing: number
  /** Share of the notifications that are lost, and that come twice. */
  lost: number
  doubled: number
  /** Milliseconds that a notification takes at most. */
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
  /** Reads a snapshot of the beginning or the end of the read. `rows` is what it costs, in rows. */
  read<Result>(process: Process, take: () => Result, rows?: (result: Result) => number): Promise<Result>
  /** As `read`, for a caller outside of any instance; `done` gets null where the read fails. */
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
