import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Waits up to `timeoutMs` until a server can listen on the port, for example until a previous process has released it.
 * @throws Error that names the port, if it is not available
 */
export async function ensureFreePort(port: number, host: string | null, timeoutMs = 3000): Promise<void> {
  for (const end = performance.now() + timeoutMs; ; await pause(100)) {
    const code = await tryPort(port, host)
    if (code === null) return
    if (code === 'EADDRINUSE' && performance.now() < end) continue
    throw new Error(
      messages[code] ? `Port ${port} ${messages[code]}` : `Cannot listen on port ${port}: ${code}`,
    )
  }
}

const messages: Record<string, string> = {
  EADDRINUSE: 'is in use by another program; stop that program, or set PORT to another port',
  EACCES: 'requires privileges that this user does not have; set PORT to 1024 or more',
}

async function tryPort(port: number, host: string | null): Promise<string | null> {
  const server = createServer()
  try {
    server.listen({ port, ...(host === null ? {} : { host }) })
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    return null
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}
