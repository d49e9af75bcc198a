import createSubscriber from 'pg-listen'
import type { Logger } from 'pino'

const CHANNEL = 'koafeed'
const PROBE_MS = 3_000
const QUERY_TIMEOUT_MS = 4_000
const CONNECTION_TIMEOUT_MS = 2_000

/** The LISTEN connection. It always reconnects, and detects a silent network. */
export interface Channel {
  /** @throws Error if the database cannot be reached */
  open(): Promise<void>
  close(): Promise<void>
  /** Whether LISTEN is active, as far as is known. */
  listening(): boolean
  /** Repeats a LISTEN that was refused on a healthy connection; must be called regularly. */
  retry(): void
  /** How often the connection was lost. */
  reconnects(): number
}

export interface ChannelEvents {
  /** Must not throw, because pg-listen would treat the error as a failed connection. */
  onNotification(text: string): void
  /** LISTEN is active again. Notifications sent in between are lost. */
  onListening(): void
  onLost(): void
}

export interface ChannelOptions {
  /** A direct connection: a pooler in transaction mode does not support LISTEN. */
  url: string
  name: string
  log: Logger
}

export function createChannel(
  { url, name, log }: ChannelOptions,
  { onNotification, onListening, onLost }: ChannelEvents,
): Channel {
  const subscriber = createPgListen(url, name)
  let listening = false
  let refused = false
  let reconnects = 0

  function activate(): void {
    listening = true
    refused = false
    onListening()
  }

  /** pg-listen gives up if LISTEN is refused on a healthy connection, which a standby does until it is promoted. */
  async function listenAgain(): Promise<void> {
    refused = false
    try {
      await subscriber.unlisten(CHANNEL)
      await subscriber.listenTo(CHANNEL)
      activate()
    } catch (error) {
      refused = true
      log.warn({ err: error }, 'LISTEN is refused; trying again')
    }
  }

  subscriber.notifications.on(CHANNEL, onNotification)
  subscriber.events.on('reconnect', (attempt) => {
    listening = false
    refused = false
    onLost()
    if (attempt > 1) return
    reconnects += 1
    log.warn('the listening connection was lost; connecting again')
  })
  subscriber.events.on('connected', activate)
  subscriber.events.on('error', (error) => {
    refused = !listening
    log.warn({ err: error }, 'the listening connection failed')
  })

  return {
    async open() {
      await subscriber.connect()
      await subscriber.listenTo(CHANNEL)
    },
    close: () => subscriber.close(),
    listening: () => listening,
    retry() {
      if (refused) void listenAgain()
    },
    reconnects: () => reconnects,
  }
}

function createPgListen(url: string, name: string): ReturnType<typeof createSubscriber.default> {
  // The package's types are those of a CommonJS module's `default`.
  return createSubscriber.default(
    {
      connectionString: url,
      application_name: `koafeed:listener:${name}`,
      connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
    },
    {
      parse: (text) => text,
      retryTimeout: 0,
      retryInterval: () => 100 + Math.random() * 400,
      paranoidChecking: PROBE_MS,
    },
  )
}
