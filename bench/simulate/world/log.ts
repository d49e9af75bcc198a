import type { LogRow } from '../../../src/stream/log/events.ts'
import { LogStates, type PostState, type RightsState } from '../states.ts'

/** A committed row, with the state that the checker needs. */
export interface Committed {
  readonly row: LogRow
  /** The rights after this row. */
  readonly rights: RightsState
  /** The number of further foreign rows that this row represents. They have numbers and a cost, but no other effect. */
  readonly foreign: number
  text: string | null
}

export const NOTIFY_BYTES = 7_900

/**
 * The table `log` and its state, as far as the stream layer can see them. Whenever the database goes back, a new
 * timeline begins. It shares the rows before the fork with the previous timeline.
 */
export class SimulatedLog extends LogStates {
  timelines: Committed[][] = [[]]
  /** The last `seq` that timeline `n + 1` shares with timeline `n`. */
  forks: number[] = []
  oldest = 0
  onCommit: (committed: Committed) => void = () => {}
  #sequence: number

  constructor(firstSeq: number) {
    super()
    this.#sequence = firstSeq
  }

  generation(): number {
    return this.forks.length
  }

  rows(): Committed[] {
    return this.timelines.at(-1)!
  }

  newest(): number {
    return this.rows().at(-1)?.row.seq ?? 0
  }

  /** The numbers of transactions that rolled back. */
  skipNumbers(count: number): void {
    this.#sequence += count
  }

  commit(event: string, topics: string[], payload: Record<string, unknown>, foreign = 0): number {
    this.#sequence += 1 + foreign
    const row: LogRow = { seq: this.#sequence, event, topics, payload }
    const committed: Committed = { row, rights: this.rights, foreign, text: null }
    this.rows().push(committed)
    if (this.oldest === 0) this.oldest = row.seq
    this.onCommit(committed)
    return row.seq
  }

  protected nextSeq(): number {
    return this.#sequence + 1
  }

  /** Returns the index of the first row after `seq` in a timeline. */
  indexAfter(seq: number, rows = this.rows()): number {
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (rows[middle]!.row.seq > seq) high = middle
      else low = middle + 1
    }
    return low
  }

  find(seq: number, rows = this.rows()): Committed | undefined {
    const found = rows[this.indexAfter(seq, rows) - 1]
    return found?.row.seq === seq ? found : undefined
  }

  trim(before: number): void {
    const kept = this.rows()[this.indexAfter(Math.min(before, this.newest()) - 1)]
    if (kept) this.oldest = Math.max(this.oldest, kept.row.seq)
  }

  /** Loses all rows after `seq`, like a restore or a failover to a replica that lags. */
  goBack(seq: number): void {
    const rows = this.rows().slice(0, this.indexAfter(seq))
    const newest = rows.at(-1)
    this.forks.push(newest?.row.seq ?? 0)
    this.timelines.push(rows)
    this.oldest = Math.min(this.oldest, newest?.row.seq ?? 0)
    this.#sequence = newest?.row.seq ?? 0
    this.restore(this.#sequence, newest?.rights)
  }

  /** Whether the rows up to `seq` of timeline `generation` are also in the current timeline. */
  isValid(seq: number, generation: number): boolean {
    for (let fork = generation; fork < this.forks.length; fork++) if (seq > this.forks[fork]!) return false
    return true
  }

  textOf(committed: Committed): string {
    return (committed.text ??= JSON.stringify(committed.row))
  }
}

export type { PostState, RightsState }
