import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Db } from '../lib/db.ts'
import { createChannel } from './channel.ts'
import { parseNotification, type LogRow } from './events.ts'
import { notifyQueueUsage, readLogFrom, readNewestLog } from './log.ts'

/** What is relayed at one go, with as much that was held, must not fill the queue of a client that reads (1 MiB). */
const PAGE = 250
const SAFETY_NET_MS = 1_000
/** So long without reading the log, and the instance no longer counts as current. */
const STALE_MS = 5_000
/** From here on commits may fail: a notification must fit in whole. */
const QUEUE_FULL = 0.9
/** Notifications kept while a gap is being read; past it they come from the log like the rest. */
const MAX_HELD = 250
const PRELOAD = 1_000

/** Where events go, in `seq` order, each once. */
export interface EventSink {
  preload(rows: LogRow[], position: number): void
  relay(row: LogRow): void
  rewind(seq: number): void
}

export interface Listener {
  /** Listens, then takes the log's newest `seq` as its position. Throws where the database cannot be reached. */
  start(): Promise<void>
  stop(): Promise<void>
  /** `seq` of the last event relayed. */
  position(): number
  /** Reads the log up to its newest event; calls at the same time share one read. Never rejects. */
  sync(): Promise<void>
  /** What keeps this instance from being current; nothing where it is. */
  troubles(): string[]
  /** What is wrong without this instance being to blame: another one would do no better. */
  warnings(): string[]
  /** How full PostgreSQL's queue of notifications is, from 0 to 1. */
  queueUsage(): number
  counters(): {
    /** How often the listening connection was lost. */
    reconnects: number
    /** Jumps in `seq` and notifications without a payload. */
    gaps: number
    /** Events that the timer found and no notification had told. */
    rescued: number
    rewinds: number
  }
}

/**
 * Hears what `append_log` notifies and relays it in `seq` order. Whatever goes wrong with the LISTEN connection, the
 * log has it: every doubt (a jump, a reconnect, a second without proof) is settled by reading `seq > position`.
 */
export function createListener({
  url,
  name,
  db,
  sink,
  log,
}: {
  url: string
  name: string
  db: Db
  sink: EventSink
  log: Logger
}): Listener {
  const channel = createChannel({
    url,
    name,
    log,
    onNotification,
    onListening() {
      if (started) void catchUp('reconnect')
    },
    onLost() {
      proven = false
    },
  })
  const counters = { gaps: 0, rescued: 0, rewinds: 0 }
  const held = new Map<number, LogRow>()
  /** What the timer found: its notification may only be a moment late. */
  const unheard = new Set<number>()
  let position = 0
  /** The event at `position`, as it was relayed: the proof that the database is still the one it was. */
  let anchor: LogRow | null = null
  let started = false
  /** Whether the log was read since LISTEN is in force: before, this may be a database that went back. */
  let proven = false
  /** The highest number heard. */
  let wanted = 0
  let lastReadAt = 0
  let queueUsage = 0
  let reading: Promise<void> | null = null
  let safetyNet: NodeJS.Timeout | undefined

  function relay(row: LogRow): void {
    position = row.seq
    anchor = row
    sink.relay(row)
  }

  function onNotification(text: string): void {
    try {
      hear(text)
    } catch (error) {
      log.error({ err: error }, 'a notification could not be relayed')
      void catchUp('gap')
    }
  }

  function hear(text: string): void {
    const heard = parseNotification(text)
    unheard.delete(heard.seq)
    if (!started || heard.seq <= position) return
    // Also while a read is under way: it may wait for a connection, and what comes in order needs none.
    if ('payload' in heard && heard.seq === position + 1 && proven) {
      relay(heard)
      return
    }
    wanted = Math.max(wanted, heard.seq)
    if ('payload' in heard && held.size < MAX_HELD) held.set(heard.seq, heard)
    if (reading !== null) return
    counters.gaps += 1
    void catchUp('gap')
  }

  /** At most one runs; it ends when nothing that was heard is left waiting. */
  function catchUp(reason: 'gap' | 'reconnect' | 'timer' | 'ahead'): Promise<void> {
    reading ??= readOn(reason)
      .catch((error: unknown) => log.warn({ err: error, reason }, 'the log could not be read; trying again'))
      .finally(() => {
        reading = null
      })
    return reading
  }

  async function readOn(reason: string): Promise<void> {
    for (let again = true; again;) {
      const [from, heard, inForce] = [anchor, wanted, channel.listening()]
      const rows = await readLogFrom(db, position, PAGE)
      lastReadAt = Date.now()
      if (from !== null && !isDeepStrictEqual(rows.shift(), from)) {
        await rewind()
        return
      }
      // One turn of the loop from here: no notification comes between.
      proven = inForce && channel.listening()
      const full = rows.length >= PAGE - 1
      for (const row of rows) if (row.seq > position) relay(row)
      if (reason === 'timer') for (const { seq } of rows) if (!held.has(seq)) unheard.add(seq)
      relayHeld()
      again = full || (wanted > position && (rows.length > 0 || wanted > heard))
    }
  }

  function relayHeld(): void {
    for (const seq of held.keys()) if (seq <= position) held.delete(seq)
    for (let next = held.get(position + 1); next; next = held.get(position + 1)) {
      held.delete(next.seq)
      relay(next)
    }
  }

  /** The event that this instance stands on is not there any more, or is another one: what followed it is lost. */
  async function rewind(): Promise<void> {
    const [newest] = await readNewestLog(db, 1)
    log.error(
      { position, newest: newest?.seq ?? 0 },
      'the database went back: every client is told to reload',
    )
    counters.rewinds += 1
    held.clear()
    anchor = newest ?? null
    position = newest?.seq ?? 0
    wanted = position
    sink.rewind(position)
  }

  function tick(): void {
    counters.rescued += unheard.size
    unheard.clear()
    channel.retry()
    void catchUp('timer')
    void watchQueue()
  }

  async function watchQueue(): Promise<void> {
    try {
      queueUsage = await notifyQueueUsage(db)
    } catch {
      // The database is away, which `troubles` tells by itself.
    }
  }

  return {
    async start() {
      await channel.open()
      const rows = await readNewestLog(db, PRELOAD)
      lastReadAt = Date.now()
      anchor = rows.at(-1) ?? null
      position = anchor?.seq ?? 0
      sink.preload(rows, position)
      started = true
      void catchUp('reconnect') // for what was notified while that was read
      safetyNet = setInterval(tick, SAFETY_NET_MS)
    },
    async stop() {
      clearInterval(safetyNet)
      await reading
      await channel.close()
    },
    position: () => position,
    sync: () => catchUp('ahead'),
    queueUsage: () => queueUsage,
    warnings: () =>
      queueUsage > QUEUE_FULL ? ['the queue of notifications is full: writes are refused'] : [],
    troubles: () => [
      ...(channel.listening() ? [] : ['not listening to the database']),
      ...(Date.now() - lastReadAt > STALE_MS ? ['the database does not answer'] : []),
    ],
    counters: () => ({ ...counters, reconnects: channel.reconnects() }),
  }
}
