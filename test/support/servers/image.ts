import { execFileSync, spawnSync } from 'node:child_process'
import { lstatSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

const context = join(import.meta.dirname, '../../..')

/**
 * Runs a RUN step. An `npm ci` with development dependencies links node_modules of the project instead of installing.
 */
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

/** Returns the ids of the image's user, who may only read, if this process can switch to that user. */
export function unprivilegedUser(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const user = { uid: 1000, gid: 1000 }
  return spawnSync(process.execPath, ['-e', ''], { ...user, cwd: folder }).status === 0 ? user : {}
}

/** Lists all files below a folder with their sizes and times: two listings are equal if nothing was written between. */
export function listFiles(folder: string): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const lines = files.map((file) => {
    const { size, mtimeMs } = lstatSync(join(folder, file))
    return `${file} ${size} ${mtimeMs}`
  })
  return lines.join('\n')
}
