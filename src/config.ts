import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { z } from 'zod'
import { LIMIT_NAMES, type LimitName, type Limits } from './web/limits/limits.ts'

/** The validated configuration. README.md describes each environment variable. */
export interface Config {
  production: boolean
  /** 0 means any free port. */
  port: number
  /** Null means all interfaces. */
  host: string | null
  instances: number
  /** Null only outside production. `npm start` then starts the embedded PostgreSQL. */
  databaseUrl: string | null
  dataDir: string
  /** A direct connection for LISTEN. Differs from `databaseUrl` only if that goes through a pooler. */
  listenDatabaseUrl: string | null
  /** Whether statements are prepared by name. PgBouncer before 1.21 does not support that in transaction mode. */
  preparedStatements: boolean
  /** Newest first. The first key signs cookies; all keys verify them. */
  sessionKeys: string[]
  /** Null only outside production. Links and origin checks then use the scheme and Host of the request. */
  publicOrigin: string | null
  trustedProxies: number
  metricsPort: number
  /** How long an instance still serves requests while it shuts down, so that proxies notice that it is not ready. */
  drainSeconds: number
  siteName: string
  logLevel: (typeof logLevels)[number]
  instanceName: string
  limits: Limits
  /** Whether the service compresses pages, JSON and files. Off if a proxy does it. */
  compression: boolean
  /** The most memory of an instance, in MiB, for events that wait for slow clients. */
  maxStreamBacklogMb: number
}

/** Its message lists all errors of the environment, one per line. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/**
 * Reads the configuration from environment variables. An empty variable counts as unset.
 * @throws ConfigError if variables are invalid; the message lists all of them and contains no secret
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()))
  const result = environment(given.NODE_ENV === 'production').safeParse(given)
  const errors = (result.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}`)
  errors.push(...portErrors(given))
  if (!result.success || errors.length > 0) {
    throw new ConfigError(`The configuration is invalid:\n${errors.map((error) => `  ${error}`).join('\n')}`)
  }
  const vars = result.data
  return {
    production: vars.NODE_ENV === 'production',
    port: vars.PORT,
    host: vars.HOST ?? null,
    instances: vars.INSTANCES,
    databaseUrl: vars.DATABASE_URL ?? null,
    dataDir: vars.DATA_DIR,
    listenDatabaseUrl: vars.LISTEN_DATABASE_URL ?? vars.DATABASE_URL ?? null,
    preparedStatements: vars.PREPARED_STATEMENTS === 'on',
    sessionKeys: vars.SESSION_KEYS ?? [randomBytes(32).toString('base64url')],
    publicOrigin: vars.PUBLIC_ORIGIN ?? null,
    trustedProxies: vars.TRUSTED_PROXIES,
    metricsPort: vars.METRICS_PORT,
    drainSeconds: vars.DRAIN_SECONDS,
    siteName: vars.SITE_NAME,
    logLevel: vars.LOG_LEVEL,
    instanceName: vars.INSTANCE_NAME,
    limits: vars.LIMITS,
    compression: vars.COMPRESSION === 'on',
    maxStreamBacklogMb: vars.MAX_STREAM_BACKLOG_MB,
  }
}

function environment(production: boolean) {
  return z.object({
    NODE_ENV: z.string().default('development'),
    PORT: wholeNumber(0, 65_535).default(3000),
    HOST: z.string().optional(),
    INSTANCES: wholeNumber(1, 64).default(1),
    DATABASE_URL: production ? postgresUrl() : postgresUrl().optional(),
    DATA_DIR: z.string().default('.data'),
    LISTEN_DATABASE_URL: postgresUrl().optional(),
    PREPARED_STATEMENTS: z.enum(['on', 'off'], { error: 'must be on or off' }).default('on'),
    SESSION_KEYS: production ? strongKeys() : keys().optional(),
    PUBLIC_ORIGIN: production ? origin() : origin().optional(),
    TRUSTED_PROXIES: wholeNumber(0, 16).default(0),
    METRICS_PORT: wholeNumber(0, 65_535).default(9464),
    DRAIN_SECONDS: wholeNumber(0, 5).default(production ? 3 : 0),
    SITE_NAME: z.string().max(60, 'must have at most 60 characters').default('KoaFeed'),
    LOG_LEVEL: z.enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` }).default('info'),
    // PostgreSQL truncates application_name to 63 bytes, and `koafeed:listener:` takes 17 of them.
    INSTANCE_NAME: z
      .string()
      .regex(/^[\w.-]{1,46}$/, 'must be 1 to 46 letters, digits, dots, dashes or underscores')
      .default(
        () =>
          `${hostname()
            .replace(/[^\w.-]/g, '-')
            .slice(0, 30)}-${process.pid}`,
      ),
    LIMITS: z.string().default('').transform(readLimits),
    COMPRESSION: z.enum(['on', 'off'], { error: 'must be on or off' }).default('on'),
    MAX_STREAM_BACKLOG_MB: wholeNumber(8, 1_000_000).default(256),
  })
}

function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,9}$/, { error: message, abort: true })
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
}

/** A text that is required, unless `optional()` follows. */
function requiredText() {
  return z.string('is required in production')
}

function postgresUrl() {
  const error = 'must be a URL like postgres://user:password@host:5432/database'
  return requiredText().refine((value) => /^postgres(ql)?:$/.test(URL.parse(value)?.protocol ?? ''), error)
}

function origin() {
  const error = 'must be an origin like https://feed.example.org, without a path'
  return requiredText()
    .transform((value) => value.replace(/\/$/, ''))
    .refine((value) => {
      const url = URL.parse(value)
      return url !== null && /^https?:$/.test(url.protocol) && url.origin === value.toLowerCase()
    }, error)
    .transform((value) => value.toLowerCase())
}

function keys() {
  return requiredText()
    .transform((value) => value.split(',').map((key) => key.trim()))
    .refine(
      (list) => list.every((key) => key !== ''),
      'must be keys separated by commas, and none may be empty',
    )
}

/** Rejects short, repetitive and example keys: with such a key, an attacker can forge cookies. */
function strongKeys() {
  return keys()
    .refine((list) => list.every((key) => key.length >= 32), 'must be keys of at least 32 characters each')
    .refine(
      (list) => !list.some(isExampleKey),
      'still contains an example value; create a key with: openssl rand -base64 32',
    )
}

function isExampleKey(key: string): boolean {
  return /change|example|secret|replace|insert|your[-_ ]|placeholder/i.test(key) || new Set(key).size < 8
}

function readLimits(text: string, ctx: z.RefinementCtx): Limits {
  if (text.trim() === 'off') return 'off'
  const limits: Partial<Record<LimitName, number>> = {}
  for (const part of text.split(',').filter((piece) => piece.trim() !== '')) {
    const [name = '', number = ''] = part.split('=').map((piece) => piece.trim())
    const known = LIMIT_NAMES.find((one) => one === name)
    if (known === undefined || !/^(off|0|[1-9]\d{0,8})$/.test(number) || part.split('=').length !== 2) {
      ctx.addIssue(
        `must be off or name=number,… and not "${part.trim()}"; the names are ${LIMIT_NAMES.join(', ')}`,
      )
      continue
    }
    limits[known] = number === 'off' ? 0 : Number(number)
  }
  return limits
}

/** Instance i uses PORT+i and METRICS_PORT+i. Both ranges must be valid and must not overlap. */
function portErrors(env: Record<string, string | undefined>): string[] {
  const instances = Number(env.INSTANCES ?? 1)
  const port = Number(env.PORT ?? 3000)
  const metrics = Number(env.METRICS_PORT ?? 9464)
  const errors: string[] = []
  if (port <= 65_535 && port + instances - 1 > 65_535) errors.push('PORT + INSTANCES exceeds 65535')
  if (metrics <= 65_535 && metrics + instances - 1 > 65_535) {
    errors.push('METRICS_PORT + INSTANCES exceeds 65535')
  }
  if (port !== 0 && metrics !== 0 && Math.abs(port - metrics) < instances) {
    errors.push('METRICS_PORT and PORT are too close for this number of instances')
  }
  return errors
}
