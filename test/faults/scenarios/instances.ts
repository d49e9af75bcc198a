import { pause, until } from '../cluster/cluster.ts'
import { startFollower } from '../follower.ts'
import { readiness } from '../monitor.ts'
import type { Fault, FaultContext } from '../run.ts'

const DETECTION_LIMIT_MS = 10_000
const EXIT_LIMIT_MS = 15_000
const STREAMS_EACH = 9

export const death: Fault = {
  name: 'an instance dies',
  amount: { long: 10_000, short: 0 },
  // Its clients wait for their `retry:`, up to 8 s, so that they do not all reconnect at once.
  recoveryLimit: 10_000,
  async inject({ cluster, allowOutage, amount: duration }) {
    const [node] = cluster.nodes
    allowOutage(node!, true)
    if (duration > 0) {
      await node!.instance.kill('SIGKILL')
      await pause(duration)
      await node!.replace()
    }
    await node!.instance.kill('SIGKILL')
  },
  async cleanUp({ cluster, allowOutage }) {
    await cluster.nodes[0]!.replace()
    allowOutage(cluster.nodes[0]!, false)
  },
}

export const rollingRestart: Fault = {
  name: 'rolling restart',
  amount: { long: 2_000, short: 200 },
  async inject({ cluster, allowOutage, amount: duration, reportViolation, addRemark }) {
    const { balancer } = cluster
    balancer.resetCounts()
    for (const node of cluster.nodes) {
      allowOutage(node, true)
      const start = Date.now()
      const { code } = await node.instance.kill('SIGTERM')
      const took = Date.now() - start
      if (code !== 0) reportViolation(`an instance exited with ${code}`)
      if (took > EXIT_LIMIT_MS) reportViolation(`an instance took ${took} ms to exit`)
      await node.replace()
      await until(() => balancer.ready() === cluster.nodes.length, 15_000, 'the new instance to be ready')
      allowOutage(node, false)
      await pause(duration)
    }
    addRemark(`${balancer.failed()} failed requests`)
    if (balancer.failed() > 0) reportViolation(`${balancer.failed()} requests failed through the balancer`)
  },
}

/** The balancer does not know that an instance drains, and prefers it because it has the fewest streams. */
export const drain: Fault = {
  name: 'an instance drains',
  amount: { long: 5_000, short: 200 },
  async inject(context) {
    const { cluster, allowOutage, amount: duration, reportViolation, addRemark } = context
    const { balancer } = cluster
    const [node] = cluster.nodes
    await addFollowers(context)
    balancer.resetCounts()
    balancer.setPassive(true)
    allowOutage(node!, true)
    const start = Date.now()
    const { code } = await node!.instance.kill('SIGTERM')
    if (code !== 0) reportViolation(`the instance exited with ${code}`)
    if (Date.now() - start > EXIT_LIMIT_MS)
      reportViolation(`the instance took ${Date.now() - start} ms to exit`)
    const { served, refused } = balancer.streamsOf(node!.instance.origin)
    addRemark(
      `${served} returns, ${refused} refused and retried elsewhere, ${balancer.failed()} failed requests`,
    )
    if (served > 0) reportViolation(`${served} streams returned to the draining instance`)
    if (balancer.failed() > 0) reportViolation(`${balancer.failed()} requests failed through the balancer`)
    await pause(duration)
  },
  async cleanUp({ cluster, allowOutage }) {
    cluster.balancer.setPassive(false)
    await cluster.nodes[0]!.replace()
    allowOutage(cluster.nodes[0]!, false)
  },
}

async function addFollowers({ cluster, followers }: FaultContext): Promise<void> {
  const { origin } = cluster.balancer
  const { from } = followers[0]!
  for (const person of cluster.followers) {
    for (let n = 0; n < STREAMS_EACH; n++)
      followers.push(startFollower({ origin: () => origin, person, from }))
  }
  await until(() => followers.every((one) => one.ledger.length > 0), 10_000, 'the followers to be connected')
}

/** As after a power failure: the instances start before PostgreSQL. */
export const startWithoutDatabase: Fault = {
  name: 'an instance starts without a database',
  amount: { long: 20_000, short: 1_000 },
  // Clients of the killed instance wait for their `retry:`, up to 8 s.
  recoveryLimit: 10_000,
  async inject({ cluster, allowOutage, amount: duration, reportViolation, addRemark }) {
    const { postgres, nodes } = cluster
    const [node] = nodes
    allowOutage(node!, true)
    await postgres.stop('fast')
    await node!.instance.kill('SIGKILL')
    await node!.replace('listening')
    allowOutage(node!, false)
    await pause(duration)
    const { why } = await readiness(node!)
    if (!why.includes('waiting for the database')) reportViolation(`/readyz gave ${JSON.stringify(why)}`)
    await postgres.start()
    const start = Date.now()
    await until(async () => (await readiness(node!)).ok, 10_000, 'the instance to be ready').catch(
      (error: Error) => reportViolation(error.message),
    )
    addRemark(`ready ${((Date.now() - start) / 1000).toFixed(1)} s after the database`)
  },
}

export const silence: Fault = {
  name: 'the network goes silent',
  amount: { long: 20_000, short: 1_000 },
  inject: (context) => silenceLinks(context, ['pool', 'listen']),
}

export const listenSilence: Fault = {
  name: 'the LISTEN connection goes silent',
  amount: { long: 20_000, short: 1_000 },
  inject: (context) => silenceLinks(context, ['listen']),
}

export const freeze: Fault = {
  name: 'an instance freezes',
  amount: { long: 30_000, short: 3_000 },
  async inject({ cluster, allowOutage, amount: duration }) {
    const [node] = cluster.nodes
    allowOutage(node!, true)
    node!.instance.child.kill('SIGSTOP')
    await pause(duration)
    node!.instance.child.kill('SIGCONT')
    allowOutage(node!, false)
  },
}

/** Silences links of one instance until /readyz reports it, and then for the amount of the fault. */
async function silenceLinks(
  { cluster, amount: duration, reportViolation, addRemark }: FaultContext,
  links: ('pool' | 'listen')[],
): Promise<void> {
  const [node] = cluster.nodes
  const start = Date.now()
  for (const link of links) node![link].silence()
  try {
    await until(
      async () => !(await readiness(node!)).ok,
      DETECTION_LIMIT_MS,
      'the instance to report the silence',
    )
    addRemark(`reported after ${((Date.now() - start) / 1000).toFixed(1)} s`)
  } catch {
    reportViolation(`the silence was not reported within ${DETECTION_LIMIT_MS} ms`)
  }
  await pause(duration)
  for (const link of links) node![link].restore()
}
