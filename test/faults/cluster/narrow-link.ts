import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A link to an instance with a small receive buffer. While it is paused, it reads nothing. */
export interface NarrowLink {
  origin: string
  pause(): void
  resume(): void
  close(): void
}

export async function openNarrowLink(toOrigin: string): Promise<NarrowLink> {
  const relay = spawn('perl', [join(import.meta.dirname, 'narrow-link.pl'), new URL(toOrigin).port], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const close = () => void relay.kill('SIGKILL')
  process.once('exit', close)
  relay.once('exit', () => process.off('exit', close))
  const [port] = await once(relay.stdout, 'data')
  return {
    origin: `http://127.0.0.1:${String(port).trim()}`,
    pause: () => void relay.kill('SIGSTOP'),
    resume: () => void relay.kill('SIGCONT'),
    close,
  }
}
