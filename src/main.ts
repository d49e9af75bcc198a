/** Runs one instance, until SIGTERM, SIGINT or the end of its parent process. */
import { flushCompileCache } from 'node:module'
import './compile-cache.ts'
import type { Config } from './config.ts'
import type { Instance } from './instance.ts'

// Static imports would be compiled before the cache is enabled.
const { readConfig } = await import('./config.ts')
const { createInstance } = await import('./instance.ts')

/** After this time the process exits, even if requests are still in progress. */
const SHUTDOWN_MS = 12_000

try {
  await run(readConfig(process.env))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

/** `start.ts` and the tests read the messages. */
async function run(config: Config): Promise<void> {
  const instance = await createInstance(config)
  shutDownOnSignals(instance)
  const origin = await instance.listen()
  process.send?.({ listening: origin })
  flushCompileCache() // Node does so at an orderly exit only.
  const started = await instance.start()
  if (started) process.send?.({ ready: origin, metrics: started.metrics })
}

function shutDownOnSignals(instance: Instance): void {
  let isEnding = false
  const end = async (reason: string): Promise<void> => {
    if (isEnding) return
    isEnding = true
    setTimeout(() => process.exit(0), SHUTDOWN_MS).unref()
    await instance.shutDown(reason)
    process.exit(0)
  }
  process.on('SIGTERM', (signal) => void end(signal))
  process.on('SIGINT', (signal) => void end(signal))
  // The parent process has ended.
  process.on('disconnect', () => void end('disconnect'))
}
