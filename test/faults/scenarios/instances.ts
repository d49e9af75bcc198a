import { pause, until } from '../cluster.ts'
import { startFollower } from '../follower.ts'
import { readiness } from '../monitor.ts'
import type { Fault, Scene } from '../run.ts'

const NOTICED_WITHIN_MS = 10_000
const EXIT_WITHIN_MS = 15_000
const STREAMS_EACH = 9

export const death: Fault = {
  name: 'an instance dies',
  hold: { long: 10_000, short: 0 },
  // Its clients wait out their `retry:`, up to 8 s, so that they do not come back all at once.
  heals: 10_000,
  async happen({ cluster, excuse, hold }) {
    const [node] = cluster.nodes
    excuse(node!, true)
    if (hold > 0) {
      await node!.instance.kill('SIGKILL')
      await pause(hold)
      await node!.replace()
    }
    await node!.instance.kill('SIGKILL')
  },
  async tidy({ cluster, excuse }) {
    await cluster.nodes[0]!.replace()
    excuse(cluster.nodes[0]!, false)
  },
}

export const rollingRestart: Fault = {
  name: 'rolling restart',
  hold: { long: 2_000, short: 200 },
  async happen({ cluster, excuse, hold, breach, note }) {
    const { balancer } = cluster
    balancer.forget()
    for (const node of cluster.nodes) {
      excuse(node, true)
      const start = Date.now()
      const { code } = await node.instance.kill('SIGTERM')
      const took = Date.now() - start
      if (code !== 0) breach(`an instance ended with ${code}`)
      if (took > EXIT_WITHIN_MS) breach(`an instance took ${took} ms to end`)
      await node.replace()
      await until(() => balancer.ready() === cluster.nodes.length, 15_000, 'the new instance to be ready')
      excuse(node, false)
      await pause(hold)
    }
    note(`${balancer.failed()} failed requests`)
    if (balancer.failed() > 0) breach(`${balancer.failed()} requests failed through the balancer`)
  },
}

/** The balancer does not learn that an instance drains, and prefers it because it has the fewest streams. */
export const drain: Fault = {
  name: 'an instance drains',
  hold: { long: 5_000, short: 200 },
  async happen(scene) {
    const { cluster, excuse, hold, breach, note } = scene
    const { balancer } = cluster
    const [node] = cluster.nodes
    await addFollowers(scene)
    balancer.forget()
    balancer.setPassive(true)
    excuse(node!, true)
    const start = Date.now()
    const { code } = await node!.instance.kill('SIGTERM')
    if (code !== 0) breach(`the instance ended with ${code}`)
    if (Date.now() - start > EXIT_WITHIN_MS) breach(`the instance took ${Date.now() - start} ms to end`)
    const { served, refused } = balancer.streamsOf(node!.instance.origin)
    note(`${served} returns, ${refused} refused and sent on, ${balancer.failed()} failed requests`)
    if (served > 0) breach(`${served} streams returned to the instance that drained`)
    if (balancer.failed() > 0) breach(`${balancer.failed()} requests failed through the balancer`)
    await pause(hold)
  },
  async tidy({ cluster, excuse }) {
    cluster.balancer.setPassive(false)
    await cluster.nodes[0]!.replace()
    excuse(cluster.nodes[0]!, false)
  },
}

async function addFollowers({ cluster, followers }: Scene): Promise<void> {
  const { origin } = cluster.balancer
  const { from } = followers[0]!
  for (const person of cluster.followers) {
    for (let n = 0; n < STREAMS_EACH; n++)
      followers.push(startFollower({ origin: () => origin, person, from }))
  }
  await until(() => followers.every((one) => one.ledger.length > 0), 10_000, 'the followers to be connected')
}

/** As after a power cut: the instances are there before PostgreSQL. */
export const startWithoutDatabase: Fault = {
  name: 'an instance starts without a database',
  hold: { long: 20_000, short: 1_000 },
  // Clients of the killed instance wait out their `retry:`, up to 8 s.
  heals: 10_000,
  async happen({ cluster, excuse, hold, breach, note }) {
    const { postgres, nodes } = cluster
    const [node] = nodes
    excuse(node!, true)
    await postgres.stop('fast')
    await node!.instance.kill('SIGKILL')
    await node!.replace('listening')
    excuse(node!, false)
    await pause(hold)
    const { why } = await readiness(node!)
    if (!why.includes('waiting for the database')) breach(`/readyz said ${JSON.stringify(why)}`)
    await postgres.start()
    const start = Date.now()
    await until(async () => (await readiness(node!)).ok, 10_000, 'the instance to be ready').catch(
      (error: Error) => breach(error.message),
    )
    note(`ready ${((Date.now() - start) / 1000).toFixed(1)} s after the database`)
  },
}

export const silence: Fault = {
  name: 'the network goes silent',
  hold: { long: 20_000, short: 1_000 },
  happen: (scene) => silenceWires(scene, ['pool', 'listen']),
}

export const listenSilence: Fault = {
  name: 'the LISTEN connection goes silent',
  hold: { long: 20_000, short: 1_000 },
  happen: (scene) => silenceWires(scene, ['listen']),
}

export const freeze: Fault = {
  name: 'an instance freezes',
  hold: { long: 30_000, short: 3_000 },
  async happen({ cluster, excuse, hold }) {
    const [node] = cluster.nodes
    excuse(node!, true)
    node!.instance.child.kill('SIGSTOP')
    await pause(hold)
    node!.instance.child.kill('SIGCONT')
    excuse(node!, false)
  },
}

/** Lasts until the instance says so, and `hold` longer. */
async function silenceWires(
  { cluster, hold, breach, note }: Scene,
  wires: ('pool' | 'listen')[],
): Promise<void> {
  const [node] = cluster.nodes
  const start = Date.now()
  for (const wire of wires) node![wire].silence()
  try {
    await until(async () => !(await readiness(node!)).ok, NOTICED_WITHIN_MS, 'the instance to notice')
    note(`noticed after ${((Date.now() - start) / 1000).toFixed(1)} s`)
  } catch {
    breach(`the silence was not noticed within ${NOTICED_WITHIN_MS} ms`)
  }
  await pause(hold)
  for (const wire of wires) node![wire].mend()
}
