/** `npm run bench`: runs the measurements of this folder that need no arguments, one after the other. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

for (const name of ['busy.ts', 'home.ts', 'timing.ts']) {
  console.log(`\n${name}`)
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, name)], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
