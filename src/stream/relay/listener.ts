import type { Logger } from 'pino'
import type { Clock } from '../../lib/clock.ts'
import type { Channel, ChannelEvents } from './channel.ts'
import { CatchUp } from './catch-up.ts'
import { parseNotification, type LogRow, type Notification } from '../log/events.ts'
import type { LogReader } from '../log/reader.ts'
import { createMissedNotifications, type MissedNotifications } from './missed-notifications.ts'
import type { RelayQueue } from './relay-queue.ts'
import { createSequencer } from './sequencer.ts'

const TIMER_MS = 1_000
/** An instance that has not read the log for this long does not count as current. */
const STALE_MS = 5_000
/** A read of the log counts as fresh for this long, so that every instance refuses an ended session within 2 s. */
const FRESH_MS = 1_500
/** Above this use commits may fail, because a notification must fit into the queue as a whole. */
const QUEUE_FULL = 0.9
const PRELOAD = 1_000

/** Receives events in `seq` order, each once. */
export interface EventHandler {
  /** Takes the newest events before the first one is relayed; `position` is where the instance starts. */
  preload(rows: LogRow[], position: number): void
  /** Called with each event as soon as its number is known to be the next; it may be relayed later. */
  accept(row: LogRow): void
  /** Called with an event that cannot be relayed yet, as soon as its notification arrives. */
  receiveEarly(row: LogRow): void
  /** `seq` of the last event that was relayed. */
  position(): number
  /** The log went back to an earlier state, whose newest event has this number. */
  reset(seq: number): void
  /** LISTEN was lost: the log may be another one when it is active again. */
  listenLost(): void
}

export interface Listener {
  /**
   * Listens, then starts at the newest `seq` of the log.
   * @throws Error if the database cannot be reached
   */
  start(): Promise<void>
  stop(): Promise<void>
  /** Reads the log up to its newest event; concurrent calls share one read. Never rejects. */
  sync(): Promise<void>
  /** `seq` of the newest event that was accepted. It may still wait to be relayed. */
  newest(): number
  /** Events that are known and not relayed yet, as a difference of `seq`. */
  lag(): number
  /** Milliseconds since the log was known to have no other events. */
  logAge(): number
  /**
   * False after LISTEN was lost, and while the log goes back, until a read of the log has shown that it continues after
   * the newest accepted event.
   */
  isCurrent(): boolean
  /** Whether it is current and has every event that was committed more than 1.5 s ago. */
  isFresh(): boolean
  /** Reasons why this instance is not current; empty if it is. */
  unhealthyReasons(): string[]
  /** Problems that all instances share. */
  warnings(): string[]
  /** How full PostgreSQL's queue of notifications is, from 0 to 1. */
  queueUsage(): number
  counters(): Counters
}

export interface Counters {
  /** How often the listening connection was lost. */
  reconnects: number
  /** Jumps in `seq`, and notifications without a row. */
  gaps: number
  /** Events that were found in the log while LISTEN was active, and whose notification is certainly lost. */
  missedNotifications: number
  /** How often the log went back to an earlier state. */
  epochs: number
}

export interface ListenerDeps {
  openChannel(events: ChannelEvents): Channel
  /** Uses a separate connection, so that reads for pages do not delay it. */
  reader: Pick<LogReader, 'readFrom' | 'readNewest' | 'readQueueUsage'>
  queue: RelayQueue
  handler: EventHandler
  clock: Clock
  log: Logger
}

/**
 * Receives the notifications of `append_log` and relays their events in `seq` order. Reads the log after a jump in
 * `seq`, after a reconnect and on a timer, so that it finds events whose notification was lost.
 */
export function createListener(deps: ListenerDeps): Listener {
  return new LogListener(deps)
}

class LogListener implements Listener {
  private readonly deps: ListenerDeps
  private readonly channel: Channel
  private readonly sequencer = createSequencer()
  private readonly missed: MissedNotifications
  private readonly catchUp: CatchUp
  private isStarted = false
  private gaps = 0
  private epochs = 0
  private queueFill = 0
  private stopTimer = (): void => {}

  constructor(deps: ListenerDeps) {
    const { sequencer } = this
    this.deps = deps
    this.missed = createMissedNotifications(deps.clock)
    this.catchUp = new CatchUp({
      ...deps,
      sequencer,
      missed: this.missed,
      isListening: () => this.channel.listening(),
      relay: (rows) => this.relay(rows),
      onReset: (page) => this.reset(page),
    })
    this.channel = deps.openChannel({
      onNotification: (text) => this.receive(text),
      onListening: () => {
        if (this.isStarted) void this.catchUp.run('reconnect')
      },
      onLost: () => {
        this.catchUp.distrust()
        deps.handler.listenLost()
        this.missed.breakOff()
      },
    })
  }

  async start(): Promise<void> {
    const { reader, handler, clock } = this.deps
    await this.channel.open()
    const rows = await reader.readNewest(PRELOAD)
    this.catchUp.noteRead()
    this.sequencer.reset(rows.at(-1) ?? null)
    handler.preload(rows, this.sequencer.tail())
    this.isStarted = true
    void this.catchUp.run('reconnect') // events that were notified before that read
    this.stopTimer = clock.every(TIMER_MS, () => this.tick())
  }

  async stop(): Promise<void> {
    this.stopTimer()
    await this.catchUp.finished()
    await this.channel.close()
  }

  sync(): Promise<void> {
    return this.catchUp.run('sync')
  }

  newest(): number {
    return this.sequencer.tail()
  }

  lag(): number {
    return this.sequencer.newestNotified() - this.deps.handler.position()
  }

  logAge(): number {
    return this.catchUp.age()
  }

  isCurrent(): boolean {
    return this.catchUp.isCurrent()
  }

  isFresh(): boolean {
    return this.isCurrent() && this.logAge() < FRESH_MS
  }

  queueUsage(): number {
    return this.queueFill
  }

  warnings(): string[] {
    return this.queueFill > QUEUE_FULL ? ['the queue of notifications is full: writes are refused'] : []
  }

  unhealthyReasons(): string[] {
    return [
      ...(this.channel.listening() ? [] : ['not listening to the database']),
      ...(this.catchUp.silence() > STALE_MS ? ['the database does not answer'] : []),
    ]
  }

  counters(): Counters {
    const { gaps, epochs } = this
    return { gaps, epochs, missedNotifications: this.missed.count(), reconnects: this.channel.reconnects() }
  }

  private receive(text: string): void {
    try {
      this.accept(parseNotification(text))
    } catch (error) {
      this.deps.log.error({ err: error }, 'a notification could not be relayed')
      void this.catchUp.run('gap')
    }
  }

  private accept(notification: Notification): void {
    const { queue, handler } = this.deps
    this.missed.arrive(notification.seq)
    if (!this.isStarted || notification.seq <= this.sequencer.tail()) return
    // Accepts the next number also during a read, which may wait for the database.
    const hasRoom = queue.hasRoom()
    const rows = this.sequencer.receive(notification, hasRoom)
    this.relay(rows)
    if (rows.length > 0) return
    if ('payload' in notification) handler.receiveEarly(notification)
    if (this.catchUp.isRunning()) return
    if (hasRoom) this.gaps += 1
    void this.catchUp.run('gap')
  }

  private relay(rows: LogRow[]): void {
    const { queue, handler } = this.deps
    queue.push(rows)
    for (const row of rows) {
      handler.accept(row)
      if (row.seq > handler.position()) handler.receiveEarly(row)
    }
  }

  private async reset(page: LogRow[]): Promise<void> {
    const { reader, queue, handler, log } = this.deps
    // Changes of rights must take effect before the reset, which needs another read.
    for (const row of page) handler.receiveEarly(row)
    const [newest = null] = await reader.readNewest(1)
    const seqs = { position: this.sequencer.tail(), newest: newest?.seq ?? 0 }
    log.error(seqs, 'the log went back; every client reloads')
    this.epochs += 1
    this.missed.clear()
    queue.clear()
    this.sequencer.reset(newest)
    handler.reset(this.sequencer.tail())
  }

  private tick(): void {
    this.missed.expire()
    this.channel.retry()
    void this.catchUp.run('timer')
    void this.readQueueUsage()
  }

  private async readQueueUsage(): Promise<void> {
    try {
      this.queueFill = await this.deps.reader.readQueueUsage()
    } catch {
      // `unhealthyReasons` reports an unreachable database.
    }
  }
}
