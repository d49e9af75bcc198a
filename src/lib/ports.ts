import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Makes sure that a server can listen there, waiting up to `patience` ms for a predecessor to let go of the port.
 * @throws Error that names the port
 */
export async function ensureFreePort(port: number, host: string | null, patience = 3000): Promise<void> {
  for (const end = performance.now() + patience; ; await pause(100)) {
    const code = await tryPort(port, host)
    if (code === null) return
    if (code === 'EADDRINUSE' && performance.now() < end) continue
    throw new Error(
      complaints[code] ? `Port ${port} ${complaints[code]}` : `Cannot listen on port ${port}: ${code}`,
    )
  }
}

const complaints: Record<string, string> = {
  EADDRINUSE: 'is in use by another program; stop that one, or set PORT to another',
  EACCES: 'needs rights that this user does not have; set PORT to 1024 or more',
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
