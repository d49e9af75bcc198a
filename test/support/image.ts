import { execFileSync, spawnSync } from 'node:child_process'
import { lstatSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const context = join(import.meta.dirname, '../..')

/** In the stage that only builds, the dependencies of development are those of the project: they are here already. */
export function runStep(command: string, folder: string): void {
  if (/^npm ci(?!.*--omit)/.test(command)) {
    symlinkSync(join(context, 'node_modules'), join(folder, 'node_modules'))
    return
  }
  execFileSync('/bin/sh', ['-c', command], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PATH: `${join(context, 'node_modules/.bin')}:${process.env.PATH}`,
      npm_config_prefer_offline: 'true',
      npm_config_loglevel: 'error',
    },
  })
}

/** As the image's user: no more rights than reading, where we may choose. */
export function unprivileged(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const user = { uid: 1000, gid: 1000 }
  return spawnSync(process.execPath, ['-e', ''], { ...user, cwd: folder }).status === 0 ? user : {}
}

/** All below a folder, each with its size and time of change: two of these are equal when nothing was written. */
export function listingOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const facts = files.map((file) => {
    const { size, mtimeMs } = lstatSync(join(folder, file))
    return `${file} ${size} ${mtimeMs}`
  })
  return facts.join('\n')
}
