import { spawn } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'

const MISSING =
  'is not installed. Install the client programs of PostgreSQL, or run it in the container of the database: see docs/community.md.'

/**
 * Checks that a client program of PostgreSQL is there, and is not older than the server.
 * @throws Error that says what to do
 */
export async function requireProgram(name: 'pg_dump' | 'pg_restore', databaseUrl: string): Promise<void> {
  const server = await serverVersion(databaseUrl)
  const { code, stdout } = await run(name, ['--version'], {}).catch(() => ({ code: 1, stdout: '' }))
  const version = Number(/(\d+)(\.|devel|beta|rc)/.exec(stdout)?.[1] ?? 0)
  if (code !== 0 || version === 0) throw new Error(`${name} ${MISSING}`)
  if (version < server) {
    throw new Error(
      `${name} has version ${version}, and the database has version ${server}. ${name} of version ${server} or newer ${MISSING}`,
    )
  }
}

/**
 * Runs a client program on the database.
 * @throws Error with its messages if it fails
 */
export async function runProgram(name: string, args: string[], databaseUrl: string): Promise<void> {
  // The password is not an argument, because other users of the machine see arguments.
  const url = new URL(databaseUrl)
  const password = decodeURIComponent(url.password)
  url.password = ''
  const env = password === '' ? {} : { PGPASSWORD: password }
  const { code, stderr } = await run(name, [...args, `--dbname=${url.href}`], env)
  if (code !== 0) throw new Error(`${name} failed:\n${stderr.trim()}`)
}

async function run(
  name: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(name, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (output.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (output.stderr += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

async function serverVersion(connectionString: string): Promise<number> {
  const client = new pg.Client({ connectionString, application_name: 'koafeed:admin' })
  await client.connect()
  try {
    const { rows } = await client.query<{ version: number }>(
      `select current_setting('server_version_num')::int / 10000 as version`,
    )
    return rows[0]?.version ?? 0
  } finally {
    await client.end()
  }
}
