import { setTimeout as pause } from 'node:timers/promises'
import { median } from '../harness/bench.ts'
import { defineMeasurement } from '../harness/figure.ts'
import { rawRequest } from '../harness/load/load.ts'
import { startStreamClients } from '../harness/load/streams.ts'
import type { Instance } from '../harness/servers/instance.ts'

/** What an instance costs while nothing happens, and how fast it starts. */
export const idle = defineMeasurement({
  name: 'idle',
  figures: {
    beats: {
      name: 'beats to 20,000 idle streams on two instances',
      unit: '% of a core',
      better: 'lower',
      goal: 5,
    },
    ready: { name: 'from start to ready', unit: 's', better: 'lower', goal: 1 },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    const ready: number[] = []
    for (let n = 0; n < bench.runs; n++) {
      const instance = await bench.startInstance(databaseUrl)
      ready.push(instance.readyAfter / 1_000)
      await instance.stop()
    }
    const instances = [await bench.startInstance(databaseUrl), await bench.startInstance(databaseUrl)]
    const count = bench.quick ? 500 : 10_000
    for (const { port } of instances) {
      const clients = startStreamClients(bench.scope, bench.cores.load)
      await clients.open(
        port,
        Array.from({ length: count }, () => rawRequest('GET', '/public/stream')),
      )
    }
    // A beat follows 15 s of silence, so each stream gets two in 30 s.
    await pause(bench.quick ? 1_000 : 5_000)
    const seconds = bench.quick ? 3 : 30
    const before = cpuOf(instances)
    await pause(seconds * 1_000)
    return {
      beats: { value: ((cpuOf(instances) - before) / seconds) * 100 },
      ready: { value: median(ready) },
    }
  },
})

function cpuOf(instances: Instance[]): number {
  return instances.reduce((sum, instance) => sum + instance.cpuSeconds(), 0)
}
