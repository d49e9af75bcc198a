import createSubscriber from 'pg-listen'
import type { Logger } from 'pino'
import type { Db } from '../lib/db.ts'
import { parseNotification, type LogRow } from './events.ts'
import { newestSeq, readLogAfter, readNewestLog } from './log.ts'

const CHANNEL = 'koafeed'
const PAGE = 500
const SAFETY_NET_MS = 1_000
/** So long without reading the log, and the instance no longer counts as current. */
const STALE_MS = 5_000
const PROBE_MS = 3_000
const QUERY_TIMEOUT_MS = 4_000
/** Notifications kept while a gap is being read; past it they come from the log like the rest. */
const MAX_HELD = 1_000
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
  counters: {
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
  /** A direct connection: a pooler in transaction mode does not carry LISTEN. */
  url: string
  name: string
  db: Db
  sink: EventSink
  log: Logger
}): Listener {
  // The package's types are those of a CommonJS module's `default`.
  const subscriber = createSubscriber.default(
    {
      connectionString: url,
      application_name: `koafeed:listener:${name}`,
      connectionTimeoutMillis: QUERY_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
    },
    {
      parse: (text) => text,
      retryTimeout: 0,
      retryInterval: () => 100 + Math.random() * 400,
      paranoidChecking: PROBE_MS,
    },
  )
  const counters = { reconnects: 0, gaps: 0, rescued: 0, rewinds: 0 }
  const held = new Map<number, LogRow>()
  let position = 0
  let started = false
  let listening = false
  let lastReadAt = 0
  let reading: Promise<void> | null = null
  let safetyNet: NodeJS.Timeout | undefined

  function relay(row: LogRow): void {
    position = row.seq
    sink.relay(row)
  }

  function hear(text: string): void {
    const heard = parseNotification(text)
    if (!started || heard.seq <= position) return
    if ('payload' in heard && heard.seq === position + 1 && reading === null) {
      relay(heard)
      return
    }
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
    const newest = await newestSeq(db)
    lastReadAt = Date.now()
    if (newest < position) {
      rewind(newest)
      return
    }
    relayHeld()
    while (position < Math.max(newest, ...held.keys())) {
      const rows = await readLogAfter(db, position, PAGE)
      // One turn of the loop from here: no notification comes between.
      for (const row of rows) relay(row)
      if (reason === 'timer') counters.rescued += rows.length
      if (rows.length === 0) break
      relayHeld()
    }
  }

  function relayHeld(): void {
    for (const seq of held.keys()) if (seq <= position) held.delete(seq)
    for (let next = held.get(position + 1); next; next = held.get(position + 1)) {
      held.delete(next.seq)
      relay(next)
    }
  }

  function rewind(newest: number): void {
    log.error({ position, newest }, 'the database went back: every client is told to reload')
    counters.rewinds += 1
    held.clear()
    position = newest
    sink.rewind(newest)
  }

  subscriber.notifications.on(CHANNEL, (text: string) => {
    try {
      hear(text)
    } catch (error) {
      log.error({ err: error }, 'a notification could not be relayed')
      void catchUp('gap')
    }
  })
  subscriber.events.on('reconnect', (attempt) => {
    listening = false
    if (attempt === 1) counters.reconnects += 1
    if (attempt === 1) log.warn('the listening connection was lost; connecting again')
  })
  subscriber.events.on('connected', () => {
    listening = true
    if (started) void catchUp('reconnect')
  })
  subscriber.events.on('error', (error) => log.warn({ err: error }, 'the listening connection failed'))

  return {
    async start() {
      await subscriber.connect()
      await subscriber.listenTo(CHANNEL)
      const rows = await readNewestLog(db, PRELOAD)
      position = rows.at(-1)?.seq ?? 0
      sink.preload(rows, position)
      started = true
      void catchUp('reconnect') // for what was notified while that was read
      safetyNet = setInterval(() => void catchUp('timer'), SAFETY_NET_MS)
    },
    async stop() {
      clearInterval(safetyNet)
      await reading
      await subscriber.close()
    },
    position: () => position,
    sync: () => catchUp('ahead'),
    troubles: () => [
      ...(listening ? [] : ['not listening to the database']),
      ...(Date.now() - lastReadAt > STALE_MS ? ['the database does not answer'] : []),
    ],
    counters,
  }
}
