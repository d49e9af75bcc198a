/** Loaded into an instance with `--import`: takes a CPU profile between the messages `start` and `stop` of its parent. */
import { Session, type Profiler } from 'node:inspector/promises'

const session = new Session()

process.on('message', (message: { profile?: 'start' | 'stop' }) => {
  if (message.profile === 'start') void start()
  if (message.profile === 'stop') void stop()
})

async function start(): Promise<void> {
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 200 })
  await session.post('Profiler.start')
  process.send?.({ profiling: true })
}

async function stop(): Promise<void> {
  const { profile } = await session.post('Profiler.stop')
  process.send?.({ selfTimes: selfTimesOf(profile) })
}

/** Returns the milliseconds of each function itself, by its file and its name. */
function selfTimesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): [string, number][] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, `${callFrame.url} ${callFrame.functionName}`]))
  const times = new Map<string, number>()
  for (const [n, id] of samples.entries()) {
    const name = names.get(id) ?? ''
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[n] ?? 0) / 1_000)
  }
  return [...times]
}
