import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A link to an instance whose client's end has a small receive buffer; stopped, it reads nothing. */
export interface NarrowLink {
  origin: string
  stop(): void
  goOn(): void
  close(): void
}

export async function layNarrowLink(toOrigin: string): Promise<NarrowLink> {
  const relay = spawn('perl', [join(import.meta.dirname, 'narrow-link.pl'), new URL(toOrigin).port], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const close = () => void relay.kill('SIGKILL')
  process.once('exit', close)
  relay.once('exit', () => process.off('exit', close))
  const [port] = await once(relay.stdout, 'data')
  return {
    origin: `http://127.0.0.1:${String(port).trim()}`,
    stop: () => void relay.kill('SIGSTOP'),
    goOn: () => void relay.kill('SIGCONT'),
    close,
  }
}
