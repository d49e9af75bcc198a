import pg from 'pg'
import { isStaleStatement, translate } from '../driver.ts'
import type { Row, RunBatch, Statement } from './batch.ts'

/** One statement that first locks the row that `row` names, for example "posts 12". */
export interface GroupWrite extends Statement {
  row: string
}

/**
 * The result of a write. `contended`: it waited too long for a lock, or ran too long. `alone`: the transaction of the
 * group failed. In both cases the write is certainly rolled back, and may run in a transaction of its own. `again`: the
 * time limit of the group ended before the write began.
 */
export type Outcome = { rows: Row[] } | { error: Error } | 'contended' | 'alone' | 'again'

export interface GroupResult {
  outcomes: Outcome[]
  /** Whether the connection may be used again. */
  isUsable: boolean
}

/** Milliseconds that a group waits for locks in total. */
const LOCK_BUDGET_MS = 100
/** Milliseconds that the statements of a group take in total. */
const STATEMENT_BUDGET_MS = 1_000
/** With the budget above, less than the driver waits for a response: PostgreSQL answers before the driver gives up. */
const COMMIT_TIMEOUT_MS = 1_500
const COMMIT_LOCK_TIMEOUT_MS = 1_000

const LOCK_NOT_AVAILABLE = '55P03'
const DEADLOCK_DETECTED = '40P01'
const QUERY_CANCELED = '57014'

interface Step extends Statement {
  /** The index of the write whose statement this is. */
  index?: number
}

const step = (text: string): Step => ({ text, values: [] })

const START = step('start transaction')
const COMMIT = step('commit')
const ROLLBACK = step('rollback')
const SAVEPOINT = step('savepoint one_write')
const RELEASE = step('release savepoint one_write')
const UNDO = [step('rollback to savepoint one_write'), RELEASE]

/** Before every write, which takes its locks before it changes anything: see `lock_post` in sql/20_log.sql. */
const LOCK_VIEWS = step('select lock_views_shared()')

/** `lock_timeout` limits each wait, so PostgreSQL computes the rest of the budget before each write. */
const LIMIT = step(`
  select
    set_config('lock_timeout', greatest(${LOCK_BUDGET_MS} - elapsed, 1)::text, true),
    set_config('statement_timeout', greatest(${STATEMENT_BUDGET_MS} - elapsed, 1)::text, true)
  from (select (extract(epoch from clock_timestamp() - transaction_timestamp()) * 1000)::int as elapsed) spent`)

/** The commit waits for the lock of the log, as the commit of every write does. */
const UNLIMIT = step(`
  select
    set_config('lock_timeout', '${COMMIT_LOCK_TIMEOUT_MS}', true),
    set_config('statement_timeout', '${COMMIT_TIMEOUT_MS}', true)`)

/**
 * Commits the writes in one transaction, in one round trip if none of them fails. A write that fails is undone by its
 * savepoint, and the others continue. Never rejects.
 */
export async function commitGroup(run: RunBatch, group: readonly GroupWrite[]): Promise<GroupResult> {
  /** Null until the write has run. */
  const outcomes: (Outcome | null)[] = group.map(() => null)
  let rest = group.map((write, index) => ({ ...write, index }))
  let first = [START, LIMIT, LOCK_VIEWS]
  for (;;) {
    const steps = [...first, ...rest.flatMap((write) => toSteps(write, group.length)), UNLIMIT, COMMIT]
    const { completed, error } = await run(steps)
    for (const [n, rows] of completed.entries()) {
      const { index } = steps[n]!
      if (index !== undefined) outcomes[index] = { rows }
    }
    const conclude = (outcome: Outcome, isUsable: boolean): GroupResult => ({
      outcomes: outcomes.map((one) => (one === null || isWritten(one) ? outcome : one)),
      isUsable,
    })
    if (error === null) return { outcomes: outcomes as Outcome[], isUsable: true }
    // The batch contained the commit, so it may have happened: the writes must not be repeated.
    if (!isDefinite(error)) return conclude({ error: translate(error) }, false)
    if (isStaleStatement(error)) return conclude('alone', false)
    const failed = steps[completed.length]!
    if (failed.index === undefined) return conclude('alone', failed === COMMIT || (await rollBack(run)))
    rest = settleFailed(
      rest,
      outcomes,
      rest.find(({ index }) => index === failed.index)!,
      error,
    )
    if (rest.length === 0 && !outcomes.some(isWritten)) return conclude('alone', await rollBack(run))
    first = UNDO
  }
}

/** A single write needs no savepoint. */
function toSteps({ text, values, index }: GroupWrite & { index: number }, size: number): Step[] {
  const statement = { text, values, index }
  return size === 1 ? [statement] : [LIMIT, SAVEPOINT, statement, RELEASE]
}

/**
 * Sets the outcome of the write that failed, and of those that are not tried after it: writes of the same row if it is
 * locked, and all writes after the time limit. Returns the others.
 */
function settleFailed<Write extends GroupWrite & { index: number }>(
  rest: Write[],
  outcomes: (Outcome | null)[],
  failed: Write,
  error: pg.DatabaseError,
): Write[] {
  const isContended = error.code === LOCK_NOT_AVAILABLE || error.code === DEADLOCK_DETECTED
  const isLate = error.code === QUERY_CANCELED
  outcomes[failed.index] = isContended || isLate ? 'contended' : { error: translate(error) }
  return rest.filter((write) => {
    if (write.index <= failed.index) return false
    if (isContended && write.row === failed.row) outcomes[write.index] = 'contended'
    else if (isLate) outcomes[write.index] = 'again'
    else return true
    return false
  })
}

/** Returns whether the connection may be used again. */
async function rollBack(run: RunBatch): Promise<boolean> {
  return (await run([ROLLBACK])).error === null
}

function isWritten(outcome: Outcome | null): boolean {
  return outcome !== null && typeof outcome === 'object' && 'rows' in outcome
}

/** Whether PostgreSQL has answered, and will not end the connection. */
function isDefinite(error: Error): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && !/^(08|57P|25P03)/.test(error.code ?? '')
}
