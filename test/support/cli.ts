import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface CliResult {
  code: number | null
  stdout: string
  stderr: string
}

const script = join(import.meta.dirname, '../../src/admin.ts')

/** Runs `npm run admin -- …args`. */
export async function runCli(
  args: string[],
  { env = {}, input = '' }: { env?: Record<string, string>; input?: string } = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [script, ...args], { env: { PATH: process.env.PATH, ...env } })
  const result: CliResult = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (result.stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (result.stderr += String(chunk)))
  child.stdin.on('error', () => {}) // the command may end without reading its input
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { ...result, code }
}
