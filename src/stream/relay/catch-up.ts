import type { Logger } from 'pino'
import type { Clock } from '../../lib/clock.ts'
import type { LogRow } from '../log/events.ts'
import type { LogReader } from '../log/reader.ts'
import type { MissedNotifications } from './missed-notifications.ts'
import type { RelayQueue } from './relay-queue.ts'
import type { Sequencer } from './sequencer.ts'

/** Rows per read of the log. */
const PAGE = 250

export interface CatchUpDeps {
  reader: Pick<LogReader, 'readFrom' | 'readNewest'>
  sequencer: Sequencer
  queue: RelayQueue
  missed: MissedNotifications
  isListening(): boolean
  /** Relays rows that the sequencer has put in order. */
  relay(rows: LogRow[]): void
  /** The log went back. `page` has rows of the new state. */
  onReset(page: LogRow[]): Promise<void>
  clock: Clock
  log: Logger
}

/** Reads the log until the sequencer has every event that was notified. */
export class CatchUp {
  private readonly deps: CatchUpDeps
  private running: Promise<void> | null = null
  /** How often LISTEN was lost. A read that began before a loss proves nothing about the log after it. */
  private losses = 0
  private current = false
  private lastReadAt = -Infinity
  /** When the last read began that reached the end of the log. */
  private completeAt = -Infinity

  constructor(deps: CatchUpDeps) {
    this.deps = deps
  }

  /** Concurrent calls share one run. Never rejects. */
  run(reason: 'gap' | 'reconnect' | 'timer' | 'sync'): Promise<void> {
    const { log } = this.deps
    this.running ??= this.readNewRows(reason)
      .catch((error: unknown) => log.warn({ err: error, reason }, 'the log could not be read; trying again'))
      .finally(() => {
        this.running = null
      })
    return this.running
  }

  isRunning(): boolean {
    return this.running !== null
  }

  /** Resolves once no run is in progress. */
  async finished(): Promise<void> {
    await this.running
  }

  /** The log has been read by other means. */
  noteRead(): void {
    this.lastReadAt = this.deps.clock.now()
  }

  /** LISTEN was lost: the log may be another one when it is active again. */
  distrust(): void {
    this.losses += 1
    this.current = false
    this.deps.sequencer.distrust()
  }

  /** Whether the log has been read since, and continued after the newest accepted event. */
  isCurrent(): boolean {
    return this.current
  }

  /** Milliseconds since the log was known to have no other events. */
  age(): number {
    return this.deps.clock.now() - this.completeAt
  }

  /** Milliseconds since the database answered. */
  silence(): number {
    return this.deps.clock.now() - this.lastReadAt
  }

  private async readNewRows(reason: string): Promise<void> {
    const { sequencer, queue, reader, clock, isListening } = this.deps
    for (let isMore = true; isMore;) {
      await queue.room()
      const [from, notified, losses] = [sequencer.tailRow(), sequencer.newestNotified(), this.losses]
      const wasListening = isListening()
      const startedAt = clock.now()
      const page = await reader.readFrom(sequencer.tail(), PAGE)
      this.noteRead()
      if (reason === 'timer' && isListening()) this.expectNotifications(page)
      // Synchronous from here on, so that no notification arrives in between.
      const rows = sequencer.read(page, from)
      if (rows === null) return this.reset(page)
      if (wasListening && isListening() && this.losses === losses) sequencer.trust()
      this.deps.relay(rows)
      if (this.losses === losses) this.current = true
      const isBehind = sequencer.newestNotified() > sequencer.tail()
      isMore = page.length >= PAGE || (isBehind && (rows.length > 0 || sequencer.newestNotified() > notified))
      if (page.length < PAGE) this.completeAt = startedAt
    }
  }

  private expectNotifications(page: LogRow[]): void {
    const { sequencer, missed } = this.deps
    for (const { seq } of page) if (seq > sequencer.newestNotified()) missed.expect(seq)
  }

  /** The event at the tail is missing or different, so the database was restored to an earlier state. */
  private async reset(page: LogRow[]): Promise<void> {
    this.current = false
    this.deps.sequencer.distrust()
    await this.deps.onReset(page)
  }
}
