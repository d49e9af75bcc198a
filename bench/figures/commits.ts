import { join } from 'node:path'
import { median, medianOf, type Bench } from '../harness/bench.ts'
import { defineMeasurement, type Measured } from '../harness/figure.ts'
import type { Instance } from '../harness/servers/instance.ts'
import { createLikes, type Likes } from '../harness/load/likes.ts'
import { withClient } from '../harness/servers/postgres.ts'
import { nextMessage, startProcess, type RunningProcess } from '../harness/processes.ts'

const WRITERS = 64
const LISTENERS = [10, 50, 100] as const
const FLOOR = 'bare commits with NOTIFY'

/** Likes of 64 people while many instances LISTEN, beside bare commits whose trigger calls NOTIFY. */
export const listeners = defineMeasurement({
  name: 'listeners',
  figures: {
    one10: { name: '10 listening instances, 64 writers on one', unit: 'per s', better: 'higher', goal: null },
    one50: figure('50 listening instances, 64 writers on one'),
    one100: figure('100 listening instances, 64 writers on one'),
    four10: { name: '10 listening instances, writers on four', unit: 'per s', better: 'higher', goal: null },
    four50: { name: '50 listening instances, writers on four', unit: 'per s', better: 'higher', goal: null },
    four100: {
      name: '100 listening instances, writers on four',
      unit: 'per s',
      better: 'higher',
      goal: null,
    },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    await createBareTable(databaseUrl)
    const instances: Instance[] = []
    for (let n = 0; n < 4; n++) instances.push(await bench.startInstance(databaseUrl))
    const parts = { floor: await startCommits(bench, databaseUrl), likes: createLikes(bench) }
    const { one, four } = await measureAll(bench, databaseUrl, instances, parts)
    return {
      one10: one[0]!,
      one50: one[1]!,
      one100: one[2]!,
      four10: four[0]!,
      four50: four[1]!,
      four100: four[2]!,
    }
  },
})

/** The same while each flush of the log takes 2 ms more, as on the disks of a cloud. */
export const slowFlush = defineMeasurement({
  name: 'slow-flush',
  figures: {
    likes: {
      name: 'likes over HTTP, 64 at once, a flush takes 2 ms',
      unit: 'per s',
      better: 'higher',
      goal: { ofFloor: 10 },
    },
  },
  async measure(bench) {
    const databaseUrl = await bench.createDatabase('feed')
    await createBareTable(databaseUrl)
    // A delay before each flush, under the lock of the flush, however few transactions are active.
    for (const setting of ['commit_delay = 2000', 'commit_siblings = 0'])
      await alterSystem(databaseUrl, `set ${setting}`)
    bench.scope.defer(() => alterSystem(databaseUrl, 'reset commit_delay'))
    const instance = await bench.startInstance(databaseUrl)
    const parts = { floor: await startCommits(bench, databaseUrl), likes: createLikes(bench) }
    return { likes: await compare(bench, parts, [instance]) }
  },
})

interface Parts {
  floor: RunningProcess
  likes: Likes
}

function figure(name: string) {
  return { name, unit: 'per s', better: 'higher', goal: { ofFloor: 4 } } as const
}

async function measureAll(
  bench: Bench,
  databaseUrl: string,
  instances: Instance[],
  parts: Parts,
): Promise<{ one: Measured[]; four: Measured[] }> {
  const one: Measured[] = []
  const four: Measured[] = []
  let listening = instances.length
  for (const count of LISTENERS) {
    await startListeners(bench, databaseUrl, count - listening)
    listening = count
    one.push(await compare(bench, parts, instances.slice(0, 1)))
    four.push(await compare(bench, parts, instances))
  }
  return { one, four }
}

/** Alternates bare commits and likes over HTTP, and returns the medians. */
async function compare(bench: Bench, { floor, likes }: Parts, instances: Instance[]): Promise<Measured> {
  const seconds = bench.quick ? 1 : 3
  const bare: number[] = []
  const product: Awaited<ReturnType<Likes['run']>>[] = []
  for (let n = 0; n < bench.runs; n++) {
    const answer = nextMessage(floor, ({ perSecond }) => perSecond as number | undefined)
    floor.child.send({ seconds })
    bare.push(await answer)
    product.push(await likes.run(instances, WRITERS, seconds))
  }
  const { perSecond, shares } = medianOf(product, (result) => result.perSecond)
  return { value: perSecond, floor: { name: FLOOR, value: median(bare) }, shares }
}

async function createBareTable(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query('create table bare (id bigint generated always as identity primary key)')
    await client.query(`create function tg_bare() returns trigger language plpgsql as
      $$ begin perform pg_notify('bare', json_build_object('bare', new.id)::text); return null; end $$`)
    await client.query('create trigger bare after insert on bare for each row execute function tg_bare()')
  })
}

/** The writers run on the core of the server, as an instance would. */
async function startCommits(bench: Bench, databaseUrl: string): Promise<RunningProcess> {
  return startScript(bench, bench.cores.server, '../floors/notify.ts', [databaseUrl, String(WRITERS)])
}

async function startListeners(bench: Bench, databaseUrl: string, count: number): Promise<void> {
  await startScript(bench, bench.cores.load, '../harness/load/listeners.ts', [databaseUrl, String(count)])
}

/** Waits for the first message of the script. */
async function startScript(
  { scope }: Bench,
  core: number | null,
  script: string,
  args: string[],
): Promise<RunningProcess> {
  const started = startProcess([process.execPath, join(import.meta.dirname, script), ...args], { core })
  scope.defer(() => started.stop())
  await nextMessage(started, (message) => message)
  return started
}

async function alterSystem(databaseUrl: string, change: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query(`alter system ${change}`)
    await client.query('select pg_reload_conf()')
  })
}
