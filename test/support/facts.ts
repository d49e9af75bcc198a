/** Reads facts from the source, so that tests can compare the deployment files with them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const src = join(import.meta.dirname, '../../src')

/** Returns the environment variables that the service reads. */
export function variableNames(): string[] {
  const text = readFileSync(join(src, 'config.ts'), 'utf8')
  const schema = text.slice(text.indexOf('function environment('))
  return [...schema.matchAll(/^ {4}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name)
}

/** Returns how many milliseconds an instance may take to shut down. */
export function shutdownMs(): number {
  const [, digits = ''] = /SHUTDOWN_MS = ([\d_]+)/.exec(readFileSync(join(src, 'main.ts'), 'utf8')) ?? []
  return Number(digits.replaceAll('_', ''))
}
