import { pino, type DestinationStream, type Logger } from 'pino'

/** What is kept while nobody reads the log; past it, lines are dropped. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024

/**
 * JSON, one line an event, written without waiting for who reads it. Nothing that people wrote or that opens a session
 * may be handed to it.
 */
export function createLog(
  { logLevel, instanceName }: { logLevel: string; instanceName: string },
  destination: DestinationStream = pino.destination({ sync: false, maxLength: MAX_UNREAD_BYTES }),
): Logger {
  const options = {
    level: logLevel,
    base: { instance: instanceName },
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  return pino(options, destination)
}

/** The properties of an error that may be logged. slonik keeps a query's values in other properties. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: 'something was thrown that is no error' }
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return { name, message, code, stack, ...(cause instanceof Error ? { cause: errorFacts(cause) } : {}) }
}
