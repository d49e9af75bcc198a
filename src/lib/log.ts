import type { Next } from 'koa'
import { pino, type DestinationStream, type Logger } from 'pino'
import type { Visit } from './visit.ts'

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

/** One line for each request: the path without its query, which may hold what is nobody else's business. */
export async function logRequests(ctx: Visit, next: Next): Promise<void> {
  const start = performance.now()
  try {
    await next()
  } finally {
    ctx.state.log.info(
      {
        event: 'request',
        method: ctx.method,
        path: ctx.path,
        status: ctx.status,
        ms: Math.round((performance.now() - start) * 10) / 10,
        user: ctx.state.me?.id,
      },
      'request',
    )
  }
}

/** What may be told of an error. slonik keeps the query's values in other properties of its errors: never those. */
export function errorFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: 'something was thrown that is no error' }
  const { name, message, stack, cause } = error
  const code = (error as { code?: unknown }).code
  return { name, message, code, stack, ...(cause instanceof Error ? { cause: errorFacts(cause) } : {}) }
}
