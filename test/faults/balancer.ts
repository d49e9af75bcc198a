import { once } from 'node:events'
import { Agent, createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const POLL_MS = 100
const POLL_TIMEOUT_MS = 1_000
const ANSWER_MS = 10_000
/** Below the instances' own 75 s, as docs/operations.md asks. */
const IDLE_MS = 60_000

/**
 * Routes each request to the ready instance with the fewest open ones. It tries the next one if it cannot connect, and
 * if a stream is refused with 503. It repeats a request that was sent only if that is harmless, so never a POST.
 */
export interface Balancer {
  origin: string
  /** Passive: keeps what it knows and does not ask /readyz, as nginx does. */
  setPassive(passive: boolean): void
  /** Streams that an instance has served, and refused by 503 or by a closed port, since `forget`. */
  streamsOf(origin: string): { served: number; refused: number }
  add(origin: string): void
  remove(origin: string): void
  ready(): number
  /** Requests that got no answer, or one of 500 and above, since `forget`. */
  failed(): number
  forget(): void
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
    const upstream = ask(new URL(url ?? '/', target.origin), { method, headers, agent: target.agent })
    let connected = false
    let answered = false
    let settled = false
    const isStream = /stream/.test(url ?? '')
    const timer = setTimeout(() => upstream.destroy(new Error('no answer')), ANSWER_MS)
    const settle = () => {
      clearTimeout(timer)
      if (!settled) target.open -= 1
      settled = true
    }
    target.open += 1
    upstream.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => (connected = true))
      else connected = true
    })
    upstream.on('response', (answer) => {
      if (isStream) target[answer.statusCode === 200 ? 'served' : 'refused'] += 1
      if (isStream && answer.statusCode === 503 && choose(tried)) {
        answer.resume()
        forward(request, response, body, tried)
        return
      }
      answered = true
      clearTimeout(timer)
      if ((answer.statusCode ?? 500) >= 500) failed += 1
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      if (isStream) response.flushHeaders()
      answer.pipe(response)
      answer.on('close', () => answer.complete || response.destroy())
    })
    upstream.on('error', () => {
      settle()
      if (isStream && !connected) target.refused += 1
      if (answered) response.destroy()
      else if (response.destroyed) return
      else if (!connected || method === 'GET') forward(request, response, body, tried)
      else refuse(response, 502)
    })
    upstream.on('close', settle)
    response.on('close', () => upstream.destroy())
    upstream.end(body)
  }

  function refuse(response: ServerResponse, status: number): void {
    failed += 1
    response.writeHead(status, { 'Retry-After': '1', 'X-Balancer': 'refused' }).end()
  }

  async function poll(target: Target): Promise<void> {
    const signal = AbortSignal.timeout(POLL_TIMEOUT_MS)
    const answer = await fetch(`${target.origin}/readyz`, { signal }).catch(() => null)
    await answer?.arrayBuffer().catch(() => null)
    target.ready = answer?.status === 200
  }

  /** One poll at a time for each: a frozen instance does not hold up what is known of the others. */
  async function watch(target: Target): Promise<void> {
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
      void watch(target)
    },
    remove(origin) {
      targets.get(origin)?.agent.destroy()
      targets.delete(origin)
    },
    ready: () => [...targets.values()].filter((target) => target.ready).length,
    failed: () => failed,
    forget() {
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
