/**
 * Mocha's global fixtures: they build the browser's files before the run, and stop what the tests share after it.
 * A test starts everything else when it needs it. For parallel workers the database server is started before.
 */
import { build } from '../../src/assets/build.ts'
import { closeChromium } from './browser/chromium.ts'
import { takePageErrors } from './browser/page-errors.ts'
import { shareServer, stopServer } from './database.ts'
import { findLeak, stopInstances } from './servers/instance.ts'
import { secrets } from './secrets.ts'

export const mochaHooks = {
  afterEach() {
    const errors = takePageErrors()
    if (errors.length > 0) throw new Error(`A page caused errors:\n${errors.join('\n')}`)
  },
  /** Runs at the end; in a parallel run after each file, because a worker is ended without another hook. */
  async afterAll() {
    await closeChromium()
    await stopInstances()
    const leak = findLeak(secrets)
    if (leak !== null) throw new Error(`A log contains a secret that this run used: ${leak}`)
  },
}

/** Mocha calls it with its runner as `this`. */
export async function mochaGlobalSetup(this: { isParallelMode(): boolean }): Promise<void> {
  await build()
  // oxlint-disable-next-line oxc/no-this-in-exported-function
  if (!this.isParallelMode()) return
  await shareServer()
  // On Ctrl+C mocha ends a parallel run without the teardown.
  let stopped: Promise<void> | null = null
  process.on('SIGINT', () => void (stopped ??= stopServer().finally(() => process.exit(130))))
}

export async function mochaGlobalTeardown(): Promise<void> {
  await stopServer()
}
