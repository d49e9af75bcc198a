/**
 * Mocha's global fixture: what the browser loads is built first, and what one run of the tests shares ends with it.
 * All else is started when a test asks.
 */
import { build } from '../../src/build.ts'
import { closeChromium } from './chromium.ts'
import { stopServer } from './database.ts'
import { findLeak, stopInstances } from './instance.ts'
import { secrets } from './secrets.ts'

export const mochaHooks = {
  afterAll() {
    const leak = findLeak(secrets)
    if (leak !== null) throw new Error(`A log holds a secret that this run has used: ${leak}`)
  },
}

export async function mochaGlobalSetup(): Promise<void> {
  await build()
}

export async function mochaGlobalTeardown(): Promise<void> {
  await closeChromium()
  await stopInstances()
  await stopServer()
}
