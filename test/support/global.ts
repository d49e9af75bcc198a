/** Mocha's global fixture: the end of what one run of the tests shares. What a test needs is started when it asks. */
import { closeChromium } from './chromium.ts'
import { stopServer } from './database.ts'
import { stopInstances } from './instance.ts'

export async function mochaGlobalTeardown(): Promise<void> {
  await closeChromium()
  await stopInstances()
  await stopServer()
}
