import { pino, type DestinationStream, type Logger } from 'pino'

/** The maximum size of the buffer while the output blocks. Further lines are dropped. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024

/**
 * Creates a logger that writes one line of JSON per event, asynchronously. Never log texts of users, passwords, tokens
 * or cookies.
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

/** Returns the properties of an error that are safe to log. slonik has the values of a query in other properties. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: 'the thrown value is not an error' }
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return { name, message, code, stack, ...(cause instanceof Error ? { cause: errorFacts(cause) } : {}) }
}
