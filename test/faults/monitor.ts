import type { Node } from './cluster/cluster.ts'

const EVERY_MS = 300
const TIMEOUT_MS = 3_000

/** Polls /livez of every instance. It must return 200 whatever happens to the database. */
export function monitorInstances(nodes: Node[]): {
  /** Says whether this instance may fail to respond now. */
  allowOutage(node: Node, allowed: boolean): void
  violations(): string[]
  stop(): void
} {
  const allowedOutages = new Set<Node>()
  const violations = new Set<string>()
  let running = true

  async function poll(node: Node, n: number): Promise<void> {
    const { instance } = node
    const response = await fetch(`${instance.origin}/livez`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(() => null)
    await response?.arrayBuffer().catch(() => null)
    if (response?.status === 200 || !running || allowedOutages.has(node) || node.instance !== instance) return
    violations.add(`/livez of instance ${n + 1} gave ${response ? response.status : 'no response'}`)
  }
  async function pollUntilStopped(node: Node, n: number): Promise<void> {
    while (running) {
      if (!allowedOutages.has(node)) await poll(node, n)
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }
  for (const [n, node] of nodes.entries()) void pollUntilStopped(node, n)

  return {
    allowOutage(node, allowed) {
      if (allowed) allowedOutages.add(node)
      else allowedOutages.delete(node)
    },
    violations: () => [...violations],
    stop() {
      running = false
    },
  }
}

/** Reads /readyz: whether the instance is ready, and the reasons if it is not. */
export async function readiness({ instance }: Node): Promise<{ ok: boolean; why: string[] }> {
  const response = await fetch(`${instance.origin}/readyz`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  return (await response.json()) as { ok: boolean; why: string[] }
}

/** Reads the resident memory of an instance from its metrics. */
export function residentBytes(node: Node): Promise<number> {
  return readMetric(node, 'process_resident_memory_bytes')
}

/** `seq` of the last event that an instance has relayed. */
export function position(node: Node): Promise<number> {
  return readMetric(node, 'koafeed_log_position')
}

async function readMetric({ instance }: Node, name: string): Promise<number> {
  const text = await (await fetch(`${instance.metricsOrigin}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}
