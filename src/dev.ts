/**
 * `npm run dev`: KoaFeed as `npm start` runs it, started anew whenever a source file changes. node --watch would watch
 * only what the starting process imports, and not the instances, the templates or the SQL.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const folders = ['src', 'templates', 'sql', 'migrations']
  .map((name) => join(root, name))
  .filter((path) => existsSync(path))

let child = start()
let timer: NodeJS.Timeout | undefined
let restarting: Promise<void> | null = null

for (const folder of folders) {
  watch(folder, { recursive: true }, (_, file) => {
    if (file === null || !/\.(ts|njk|sql|css)$/.test(file) || file === 'schema.sql') return
    clearTimeout(timer)
    // Editors write a file in several steps, and people save several files at once.
    timer = setTimeout(() => {
      restarting ??= restart(file).finally(() => (restarting = null))
    }, 200)
  })
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void end(signal))
}

async function restart(file: string): Promise<void> {
  console.log(`${file} changed: starting anew`)
  await stop()
  child = start()
}

async function end(signal: NodeJS.Signals): Promise<void> {
  clearTimeout(timer)
  await stop(signal)
  process.exit(0)
}

function start(): ChildProcess {
  return spawn(process.execPath, [join(root, 'src/start.ts')], { stdio: 'inherit' })
}

/** A start that failed has ended already; the next change tries again. */
async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}
