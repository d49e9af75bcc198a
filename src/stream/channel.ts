import createSubscriber from 'pg-listen'
import type { Logger } from 'pino'

const CHANNEL = 'koafeed'
const PROBE_MS = 3_000
const QUERY_TIMEOUT_MS = 4_000
const CONNECTION_TIMEOUT_MS = 2_000

/** The connection that LISTENs, made to come back always: it never gives up, and notices a silent network. */
export interface Channel {
  /** Throws where the database cannot be reached. */
  open(): Promise<void>
  close(): Promise<void>
  /** Whether LISTEN is in force, as far as is known. */
  listening(): boolean
  /** LISTENs again where it was refused though the connection stands; to be called now and then. */
  retry(): void
  /** How often the connection was lost. */
  reconnects(): number
}

export interface ChannelOptions {
  /** A direct connection: a pooler in transaction mode does not carry LISTEN. */
  url: string
  name: string
  log: Logger
  /** Must not throw: pg-listen would take that for a fault of the connection. */
  onNotification(text: string): void
  /** LISTEN is in force again; what was sent meanwhile is lost. */
  onListening(): void
  onLost(): void
}

export function createChannel({
  url,
  name,
  log,
  onNotification,
  onListening,
  onLost,
}: ChannelOptions): Channel {
  // The package's types are those of a CommonJS module's `default`.
  const subscriber = createSubscriber.default(
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
  let listening = false
  let refused = false
  let reconnects = 0

  function settle(): void {
    listening = true
    refused = false
    onListening()
  }

  /** pg-listen gives up where the connection stands and LISTEN is refused, as a standby does until it is promoted. */
  async function listenAgain(): Promise<void> {
    refused = false
    try {
      await subscriber.unlisten(CHANNEL)
      await subscriber.listenTo(CHANNEL)
      settle()
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
  subscriber.events.on('connected', settle)
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
