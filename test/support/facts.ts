/** What the code says of itself, for tests of the files that describe its deployment. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const src = join(import.meta.dirname, '../../src')

/** The environment variables that the service reads. */
export function variableNames(): string[] {
  const text = readFileSync(join(src, 'config.ts'), 'utf8')
  const schema = text.slice(text.indexOf('function environment('))
  return [...schema.matchAll(/^ {4}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name)
}

/** How long an instance may take for an orderly end. */
export function shutdownMs(): number {
  const [, digits = ''] = /SHUTDOWN_MS = ([\d_]+)/.exec(readFileSync(join(src, 'main.ts'), 'utf8')) ?? []
  return Number(digits.replaceAll('_', ''))
}
