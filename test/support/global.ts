/**
 * Mocha's global fixture: what the browser loads is built first, and what one run of the tests shares ends with it.
 * All else is started when a test asks; only workers that run in parallel find a database server that runs already.
 */
import { build } from '../../src/assets/build.ts'
import { closeChromium } from './chromium.ts'
import { shareServer, stopServer } from './database.ts'
import { findLeak, stopInstances } from './instance.ts'
import { secrets } from './secrets.ts'

export const mochaHooks = {
  /** At the end of the run; in a worker of a parallel run, which ends without notice, after each file. */
  async afterAll() {
    await closeChromium()
    await stopInstances()
    const leak = findLeak(secrets)
    if (leak !== null) throw new Error(`A log holds a secret that this run has used: ${leak}`)
  },
}

/** Mocha calls it on its runner. */
export async function mochaGlobalSetup(this: { isParallelMode(): boolean }): Promise<void> {
  await build()
  // oxlint-disable-next-line oxc/no-this-in-exported-function
  if (!this.isParallelMode()) return
  await shareServer()
  // Ctrl+C ends a parallel run without its teardown.
  let stopped: Promise<void> | null = null
  process.on('SIGINT', () => void (stopped ??= stopServer().finally(() => process.exit(130))))
}

export async function mochaGlobalTeardown(): Promise<void> {
  await stopServer()
}
