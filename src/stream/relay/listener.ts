import type { Logger } from 'pino'
import type { Clock } from '../../lib/clock.ts'
import type { Channel, ChannelEvents } from './channel.ts'
import { parseNotification, type LogRow } from '../log/events.ts'
import type { LogReader } from '../log/reader.ts'
import type { RelayQueue } from './relay-queue.ts'
import { createSequencer } from './sequencer.ts'

/** Rows per read of the log. */
const PAGE = 250
const TIMER_MS = 1_000
/** An instance that has not read the log for this long does not count as current. */
const STALE_MS = 5_000
/** A read of the log counts as fresh for this long, so that every instance refuses an ended session within 2 s. */
const FRESH_MS = 1_500
/**
 * A notification that has not arrived this long after its event was found in the log is lost: the probe of the
 * connection, which would arrive after it, is answered within seconds.
 */
const LOST_AFTER_MS = 60_000
/** A connection that delivers nothing for this long, and then breaks, has lost the notifications of that time. */
const SILENT_MS = 2_000
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
export function createListener({ openChannel, reader, queue, handler, clock, log }: ListenerDeps): Listener {
  const sequencer = createSequencer()
  const counters = { gaps: 0, missedNotifications: 0, epochs: 0 }
  /** Events that the timer found, with the time: their notification may still arrive. */
  const pending = new Map<number, number>()
  let started = false
  let lastReadAt = -Infinity
  /** When the last read began that reached the end of the log. */
  let completeAt = -Infinity
  let queueUsage = 0
  let reading: Promise<void> | null = null
  let losses = 0
  let isCurrent = false
  let stopTimer = (): void => {}

  const channel = openChannel({
    onNotification(text) {
      try {
        receive(text)
      } catch (error) {
        log.error({ err: error }, 'a notification could not be relayed')
        void catchUp('gap')
      }
    },
    onListening() {
      if (started) void catchUp('reconnect')
    },
    onLost() {
      losses += 1
      isCurrent = false
      sequencer.distrust()
      handler.listenLost()
      countMissed(SILENT_MS)
      pending.clear() // A connection that breaks loses what is on its way; that is no fault of its own.
    },
  })

  function receive(text: string): void {
    const notification = parseNotification(text)
    noteArrival(notification.seq)
    if (!started || notification.seq <= sequencer.tail()) return
    // Accepts the next number also during a read, which may wait for the database.
    const hasRoom = queue.hasRoom()
    const rows = sequencer.receive(notification, hasRoom)
    push(rows)
    if (rows.length > 0) return
    if ('payload' in notification) handler.receiveEarly(notification)
    if (reading !== null) return
    if (hasRoom) counters.gaps += 1
    void catchUp('gap')
  }

  /** Notifications arrive in the order of their commits. So an earlier one that is still pending never arrives. */
  function noteArrival(seq: number): void {
    pending.delete(seq)
    for (const earlier of pending.keys()) {
      if (earlier > seq) continue
      pending.delete(earlier)
      counters.missedNotifications += 1
    }
  }

  function push(rows: LogRow[]): void {
    queue.push(rows)
    for (const row of rows) {
      handler.accept(row)
      if (row.seq > handler.position()) handler.receiveEarly(row)
    }
  }

  /** Reads the log until it has every event that was notified. Concurrent calls share one run. */
  function catchUp(reason: 'gap' | 'reconnect' | 'timer' | 'sync'): Promise<void> {
    reading ??= readNewRows(reason)
      .catch((error: unknown) => log.warn({ err: error, reason }, 'the log could not be read; trying again'))
      .finally(() => {
        reading = null
      })
    return reading
  }

  async function readNewRows(reason: string): Promise<void> {
    for (let isMore = true; isMore;) {
      await queue.room()
      const [from, notified, lossesBefore] = [sequencer.tailRow(), sequencer.newestNotified(), losses]
      const wasListening = channel.listening()
      const startedAt = clock.now()
      const page = await reader.readFrom(sequencer.tail(), PAGE)
      lastReadAt = clock.now()
      if (reason === 'timer') notePending(page)
      // Synchronous from here on, so that no notification arrives in between.
      const rows = sequencer.read(page, from)
      if (rows === null) {
        // Changes of rights must take effect before the reset, which needs another read.
        for (const row of page) handler.receiveEarly(row)
        return reset()
      }
      if (wasListening && channel.listening() && losses === lossesBefore) sequencer.trust()
      push(rows)
      if (losses === lossesBefore) isCurrent = true
      const isBehind = sequencer.newestNotified() > sequencer.tail()
      isMore = page.length >= PAGE || (isBehind && (rows.length > 0 || sequencer.newestNotified() > notified))
      if (page.length < PAGE) completeAt = startedAt
    }
  }

  function notePending(page: LogRow[]): void {
    if (!channel.listening()) return
    for (const { seq } of page) if (seq > sequencer.newestNotified()) pending.set(seq, clock.now())
  }

  /** The event at the tail is missing or different, so the database was restored to an earlier state. */
  async function reset(): Promise<void> {
    sequencer.distrust()
    isCurrent = false
    const [newest = null] = await reader.readNewest(1)
    log.error(
      { position: sequencer.tail(), newest: newest?.seq ?? 0 },
      'the log went back; every client reloads',
    )
    counters.epochs += 1
    pending.clear()
    queue.clear()
    sequencer.reset(newest)
    handler.reset(sequencer.tail())
  }

  function countMissed(afterMs: number): void {
    for (const [seq, foundAt] of pending) {
      if (clock.now() - foundAt < afterMs) continue
      pending.delete(seq)
      counters.missedNotifications += 1
    }
  }

  function tick(): void {
    countMissed(LOST_AFTER_MS)
    channel.retry()
    void catchUp('timer')
    void readQueueUsage()
  }

  async function readQueueUsage(): Promise<void> {
    try {
      queueUsage = await reader.readQueueUsage()
    } catch {
      // `unhealthyReasons` reports an unreachable database.
    }
  }

  return {
    async start() {
      await channel.open()
      const rows = await reader.readNewest(PRELOAD)
      lastReadAt = clock.now()
      sequencer.reset(rows.at(-1) ?? null)
      handler.preload(rows, sequencer.tail())
      started = true
      void catchUp('reconnect') // events that were notified before that read
      stopTimer = clock.every(TIMER_MS, tick)
    },
    async stop() {
      stopTimer()
      await reading
      await channel.close()
    },
    sync: () => catchUp('sync'),
    newest: sequencer.tail,
    lag: () => sequencer.newestNotified() - handler.position(),
    logAge: () => clock.now() - completeAt,
    isCurrent: () => isCurrent,
    isFresh: () => isCurrent && clock.now() - completeAt < FRESH_MS,
    queueUsage: () => queueUsage,
    warnings: () =>
      queueUsage > QUEUE_FULL ? ['the queue of notifications is full: writes are refused'] : [],
    unhealthyReasons: () => [
      ...(channel.listening() ? [] : ['not listening to the database']),
      ...(clock.now() - lastReadAt > STALE_MS ? ['the database does not answer'] : []),
    ],
    counters: () => ({ ...counters, reconnects: channel.reconnects() }),
  }
}
