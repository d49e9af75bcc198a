import type { Metrics } from '../lib/metrics.ts'

/** What the streams of an instance have done since it started. */
export interface StreamCounts {
  /** Blocks written to clients: events, beats and signals, once per client. */
  frames: number
  /** Bytes of these blocks, as they were sent. */
  bytes: number
  /** Streams that opened. */
  opens: number
  /**
   * Where the streams that opened with a cursor got what they missed: from memory, from the log, or not at all, so that
   * the client had to load its page again.
   */
  resumes: { memory: number; log: number; reset: number }
  /** Clients that were disconnected because they stalled, or had too much left to read. */
  slowClients: { stalled: number; full: number }
}

export function createStreamCounts(): StreamCounts {
  return {
    frames: 0,
    bytes: 0,
    opens: 0,
    resumes: { memory: 0, log: 0, reset: 0 },
    slowClients: { stalled: 0, full: 0 },
  }
}

/** What the stream layer reports, read at one moment. */
export interface StreamStats extends StreamCounts {
  /** `backlog`: the slowest while all waiting events exceeded their bound. */
  slowClients: StreamCounts['slowClients'] & { backlog: number }
  /** Memory of the events that wait for slow clients. */
  backlogBytes: number
  /** Open streams. */
  streams: number
  /** `seq` of the last event that was relayed. */
  position: number
  /** Events that are known and not relayed yet. */
  lagEvents: number
  /** Seconds since the log was known to have no other events. */
  logAge: number
  reconnects: number
  gaps: number
  missedNotifications: number
  epochs: number
  /** Use of PostgreSQL's queue of notifications, from 0 to 1. */
  notifyQueue: number
}

/** From a notification that is relayed at once to a read of the log, and a replay after an outage. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]

/**
 * Adds the metrics of the stream layer. Returns the function that takes each event when it has been written to its
 * clients, with the time of its row in the log, in milliseconds since 1970.
 */
export function addStreamMetrics(
  metrics: Metrics,
  stats: () => StreamStats,
): (event: { at?: number | undefined }) => void {
  const { gauge, total } = metrics
  gauge('koafeed_streams', 'Open streams', () => stats().streams)
  total('koafeed_stream_opens_total', 'Streams opened', () => stats().opens)
  total(
    'koafeed_stream_resumes_total',
    'Streams opened with a cursor, by the source of the missed events',
    () => labelled('source', stats().resumes),
  )
  total('koafeed_stream_frames_total', 'Events and beats written to clients', () => stats().frames)
  total('koafeed_stream_bytes_total', 'Bytes written to clients of streams', () => stats().bytes)
  total('koafeed_slow_clients_total', 'Clients of streams that were disconnected because they are slow', () =>
    labelled('reason', stats().slowClients),
  )
  gauge(
    'koafeed_stream_backlog_bytes',
    'Memory of events that wait for slow clients',
    () => stats().backlogBytes,
  )
  gauge('koafeed_log_position', 'seq of the last event relayed', () => stats().position)
  gauge('koafeed_log_lag_events', 'Events that wait to be relayed', () => stats().lagEvents)
  gauge('koafeed_log_age_seconds', 'Time since the log was read to its end', () => stats().logAge)
  total('koafeed_log_gaps_total', 'Gaps read from the log', () => stats().gaps)
  total('koafeed_log_resets_total', 'Times the log went back to an earlier state', () => stats().epochs)
  total('koafeed_listen_reconnects_total', 'Lost LISTEN connections', () => stats().reconnects)
  total(
    'koafeed_missed_notifications_total',
    'Events whose notification was lost',
    () => stats().missedNotifications,
  )
  gauge('koafeed_notify_queue_ratio', "Use of PostgreSQL's notify queue, 0 to 1", () => stats().notifyQueue)
  const observe = metrics.histogram(
    'koafeed_event_latency_seconds',
    'Time from the row of an event in the log until it is written to all clients',
    { buckets: LATENCY_BUCKETS },
  )
  return ({ at }) => {
    // The clocks of the two machines may differ.
    if (at !== undefined) observe(Math.max(0, Date.now() - at) / 1_000)
  }
}

function labelled(name: string, values: Readonly<Record<string, number>>) {
  return Object.entries(values).map(([label, value]) => [{ [name]: label }, value] as const)
}
