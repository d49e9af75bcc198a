import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Finds an installed Firefox; null if there is none. */
export function findFirefox(): string | null {
  return ['firefox-esr', 'firefox'].find((path) => !spawnSync(path, ['--version']).error) ?? null
}

/** Opens a page in a new Firefox without a window. Returns a function that closes it. */
export function openInFirefox(program: string, url: string): () => Promise<void> {
  // The profile and HOME of a person must not be used, and root may have none.
  const folder = mkdtempSync(join(tmpdir(), 'koafeed-firefox-'))
  const child = spawn(program, ['--headless', '--no-remote', '--profile', folder, url], {
    env: { ...process.env, HOME: folder },
    stdio: 'ignore',
    detached: true,
  })
  const exited = once(child, 'exit')
  return async () => {
    // Its processes for pages are in the same group.
    process.kill(-child.pid!, 'SIGKILL')
    await exited
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
