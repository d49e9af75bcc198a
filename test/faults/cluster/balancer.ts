import { once } from 'node:events'
import {
  Agent,
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

const POLL_MS = 100
const POLL_TIMEOUT_MS = 1_000
const RESPONSE_TIMEOUT_MS = 10_000
/** Below the 75 s of the instances, as docs/operations.md requires. */
const IDLE_MS = 60_000

/**
 * Routes each request to the ready instance with the fewest open requests. Tries the next instance if it cannot
 * connect, or if a stream gets 503. Repeats a request that was sent only if it is a GET.
 */
export interface Balancer {
  origin: string
  /** A passive balancer does not poll /readyz, like nginx. */
  setPassive(passive: boolean): void
  /** Streams that an instance served, and refused with 503 or a closed port, since `resetCounts`. */
  streamsOf(origin: string): { served: number; refused: number }
  add(origin: string): void
  remove(origin: string): void
  ready(): number
  /** Requests that got no response, or a status of 500 and above, since `resetCounts`. */
  failed(): number
  resetCounts(): void
  close(): void
}

interface Target {
  origin: string
  agent: Agent
  ready: boolean
  open: number
  served: number
  refused: number
}

export async function startBalancer(): Promise<Balancer> {
  const targets = new Map<string, Target>()
  let failed = 0
  let isPassive = false

  const server = createServer((request, response) => {
    void collect(request).then((body) => forward(request, response, body, new Set()))
  })

  function choose(tried: Set<Target>): Target | undefined {
    return [...targets.values()]
      .filter((one) => one.ready && !tried.has(one))
      .sort((a, b) => a.open - b.open)[0]
  }

  function forward(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    tried: Set<Target>,
  ): void {
    const target = choose(tried)
    if (!target) return refuse(response, 503)
    tried.add(target)
    const { method, url, headers } = request
    const upstream = sendRequest(new URL(url ?? '/', target.origin), { method, headers, agent: target.agent })
    let connected = false
    let hasReplied = false
    let isDone = false
    const isStream = /stream/.test(url ?? '')
    const timer = setTimeout(() => upstream.destroy(new Error('no response')), RESPONSE_TIMEOUT_MS)
    const finish = () => {
      clearTimeout(timer)
      if (!isDone) target.open -= 1
      isDone = true
    }
    target.open += 1
    upstream.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => (connected = true))
      else connected = true
    })
    upstream.on('response', (reply) => {
      if (isStream) target[reply.statusCode === 200 ? 'served' : 'refused'] += 1
      if (isStream && reply.statusCode === 503 && choose(tried)) {
        reply.resume()
        forward(request, response, body, tried)
        return
      }
      hasReplied = true
      clearTimeout(timer)
      if ((reply.statusCode ?? 500) >= 500) failed += 1
      response.writeHead(reply.statusCode ?? 502, reply.headers)
      if (isStream) response.flushHeaders()
      reply.pipe(response)
      reply.on('close', () => reply.complete || response.destroy())
    })
    upstream.on('error', () => {
      finish()
      if (isStream && !connected) target.refused += 1
      if (hasReplied) response.destroy()
      else if (response.destroyed) return
      else if (!connected || method === 'GET') forward(request, response, body, tried)
      else refuse(response, 502)
    })
    upstream.on('close', finish)
    response.on('close', () => upstream.destroy())
    upstream.end(body)
  }

  function refuse(response: ServerResponse, status: number): void {
    failed += 1
    response.writeHead(status, { 'Retry-After': '1', 'X-Balancer': 'refused' }).end()
  }

  async function poll(target: Target): Promise<void> {
    const signal = AbortSignal.timeout(POLL_TIMEOUT_MS)
    const reply = await fetch(`${target.origin}/readyz`, { signal }).catch(() => null)
    await reply?.arrayBuffer().catch(() => null)
    target.ready = reply?.status === 200
  }

  /** Polls each instance in its own loop, so that a frozen instance does not delay the others. */
  async function pollUntilRemoved(target: Target): Promise<void> {
    while (targets.get(target.origin) === target) {
      if (!isPassive) await poll(target)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add(origin) {
      const agent = new Agent({ keepAlive: true, timeout: IDLE_MS })
      const target = { origin, agent, ready: false, open: 0, served: 0, refused: 0 }
      targets.set(origin, target)
      void pollUntilRemoved(target)
    },
    remove(origin) {
      targets.get(origin)?.agent.destroy()
      targets.delete(origin)
    },
    ready: () => [...targets.values()].filter((target) => target.ready).length,
    failed: () => failed,
    resetCounts() {
      failed = 0
      for (const target of targets.values()) Object.assign(target, { served: 0, refused: 0 })
    },
    setPassive(passive) {
      isPassive = passive
    },
    streamsOf(origin) {
      const { served = 0, refused = 0 } = targets.get(origin) ?? {}
      return { served, refused }
    },
    close() {
      for (const { agent } of targets.values()) agent.destroy()
      targets.clear()
      server.close()
      server.closeAllConnections()
    },
  }
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
