import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import getPort from 'get-port'
import type { Bench } from '../harness/bench.ts'
import { cpuSeconds, residentBytes, startProcess } from '../harness/processes.ts'
import type { Server } from '../harness/servers/instance.ts'

/** Where Debian's packages `nginx` and `libnginx-mod-nchan` put them. */
const NGINX = '/usr/sbin/nginx'
const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so'

/**
 * Starts nginx with nchan on the core of the server: `GET /` opens a stream, and `POST /` sends its body to
 * all streams as one event. Returns null if nchan is not installed.
 */
export async function startNchan({ scope, cores }: Bench): Promise<Server | null> {
  if (!existsSync(NGINX) || !existsSync(MODULE)) return null
  const folder = mkdtempSync(join(tmpdir(), 'koafeed-bench-nchan-'))
  scope.defer(() => rmSync(folder, { recursive: true, force: true }))
  const port = await getPort({ host: '127.0.0.1' })
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port))
  // Without a master process, the process that starts is the one that serves.
  const nginx = startProcess([NGINX, '-c', join(folder, 'nginx.conf')], { core: cores.server })
  scope.defer(() => nginx.stop())
  await waitUntilServing(port)
  return {
    port,
    pid: nginx.pid,
    cpuSeconds: () => cpuSeconds(nginx.pid),
    residentBytes: () => residentBytes(nginx.pid),
    output: nginx.output,
    stop: nginx.stop,
  }
}

function configuration(folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
    load_module ${MODULE};
    daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
    worker_rlimit_nofile 20000;
    events { worker_connections 16000; }
    http {
      access_log off;
      client_body_buffer_size 1m;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
      server {
        listen 127.0.0.1:${port} backlog=1024;
        location / { nchan_subscriber eventsource; nchan_publisher http; nchan_channel_id bench; nchan_message_buffer_length 200; }
      }
    }`
}

async function waitUntilServing(port: number): Promise<void> {
  for (let left = 100; ; left--) {
    try {
      await fetch(`http://127.0.0.1:${port}/`)
      return
    } catch (error) {
      if (left === 0) throw error
      await pause(50)
    }
  }
}
