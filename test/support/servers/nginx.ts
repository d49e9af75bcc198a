import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import getPort from 'get-port'
import { eventually } from '../eventually.ts'

export interface Nginx {
  origin: string
  /** One entry per request: the instances that nginx sent it to, and the status of each response. */
  log(): { path: string; upstreams: string[]; statuses: string[] }[]
  stop(): Promise<void>
}

const source = join(import.meta.dirname, '../../../deploy/nginx.conf')

/** Finds the installed nginx. On Debian it is not in the PATH of users. */
export function findNginx(): string | null {
  const found = ['nginx', '/usr/sbin/nginx'].find((path) => !spawnSync(path, ['-v']).error)
  return found ?? null
}

/** Runs nginx with deploy/nginx.conf in front of these instances; only host names, ports and paths are replaced. */
export async function startNginx(program: string, origins: string[]): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'koafeed-nginx-'))
  const port = await getPort({ host: '127.0.0.1' })
  const file = join(folder, 'nginx.conf')
  const accessLog = join(folder, 'access.log')
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    events { worker_connections 4096; }
    http {
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
      log_format upstreams '$request_uri|$upstream_addr|$upstream_status';
      access_log ${accessLog} upstreams;
      ${configFor(origins, port)}
    }`,
  )
  execFileSync(program, ['-t', '-q', '-c', file])
  const child = spawn(program, ['-c', file], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const origin = `http://localhost:${port}`
  await eventually(async () => (await fetch(`${origin}/livez`)).ok, Boolean, { what: 'nginx' })
  return {
    origin,
    log: () =>
      readFileSync(accessLog, 'utf8')
        .trim()
        .split('\n')
        .map((line) => {
          const [path = '', upstreams = '', statuses = ''] = line.split('|')
          return { path, upstreams: upstreams.split(', '), statuses: statuses.split(', ') }
        }),
    async stop() {
      child.kill('SIGTERM')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function configFor(origins: string[], port: number): string {
  return readFileSync(source, 'utf8')
    .replace(/^resolver .*$/m, '')
    .replace(/listen 80;/, `listen 127.0.0.1:${port};`)
    .replaceAll(/server app:3000 resolve([^;]*);/g, (_, rest: string) =>
      origins.map((origin) => `server 127.0.0.1:${new URL(origin).port}${rest};`).join('\n'),
    )
}
