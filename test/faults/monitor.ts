import type { Node } from './cluster.ts'

const EVERY_MS = 300
const PATIENCE_MS = 3_000

/** Asks every instance's /livez all the time: whatever happens to the database, a process that runs says so. */
export function watchInstances(nodes: Node[]): {
  excuse(node: Node, excused: boolean): void
  breaches(): string[]
  stop(): void
} {
  const excused = new Set<Node>()
  const breaches = new Set<string>()
  let running = true

  async function ask(node: Node, n: number): Promise<void> {
    const { instance } = node
    const answer = await fetch(`${instance.origin}/livez`, {
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch(() => null)
    await answer?.arrayBuffer().catch(() => null)
    if (answer?.status === 200 || !running || excused.has(node) || node.instance !== instance) return
    breaches.add(`/livez of instance ${n + 1} answered ${answer ? answer.status : 'nothing'}`)
  }
  async function watch(node: Node, n: number): Promise<void> {
    while (running) {
      if (!excused.has(node)) await ask(node, n)
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
    }
  }
  for (const [n, node] of nodes.entries()) void watch(node, n)

  return {
    excuse(node, excuse) {
      if (excuse) excused.add(node)
      else excused.delete(node)
    },
    breaches: () => [...breaches],
    stop() {
      running = false
    },
  }
}

/** What an instance says of itself: whether it should get requests, and what is wrong. */
export async function readiness({ instance }: Node): Promise<{ ok: boolean; why: string[] }> {
  const answer = await fetch(`${instance.origin}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) })
  return (await answer.json()) as { ok: boolean; why: string[] }
}

/** The memory that an instance takes up, from its metrics. */
export async function residentBytes({ instance }: Node): Promise<number> {
  const text = await (await fetch(`${instance.metricsOrigin}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1])
}
