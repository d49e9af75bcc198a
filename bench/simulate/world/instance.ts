import type { Logger } from 'pino'
import { HttpError } from '../../../src/lib/errors.ts'
import { isRightsChange, type LogRow } from '../../../src/stream/log/events.ts'
import { Backlog } from '../../../src/stream/clients/backlog.ts'
import { createConnection } from '../../../src/stream/clients/connection.ts'
import { createConnectionLimit } from '../../../src/stream/clients/connection-limit.ts'
import { openStream, type OpenDeps } from '../../../src/stream/open.ts'
import type { ReplayDeps } from '../../../src/stream/replay/replay.ts'
import type { LogReader } from '../../../src/stream/log/reader.ts'
import type { Subscriber } from '../../../src/stream/clients/subscriber.ts'
import type { Audience } from '../audience.ts'
import { createSimulatedChannel, type SimulatedChannel } from './channel.ts'
import { createObserverCheck } from '../check/observer-check.ts'
import { checkConnection, type ConnectionCheck } from '../check/connection-check.ts'
import type { Parts } from '../parts.ts'
import { authorizeNow, createSimulatedReader, viewerOf } from './reader.ts'
import type { Process } from '../scheduler.ts'
import type { Simulation } from '../simulation.ts'
import { createTimelineView, type TimelineView } from '../check/timeline-view.ts'
import { createWire, type Receiver, type SimulatedWire } from './wire.ts'

/** The deadline of a request; see `withinDeadline` in `src/db/deadline.ts`. */
const DEADLINE_MS = 4_500
/** The cost of one frame for one of the further clients. */
const CROWD_MS = 0.002
const LONGEST_TURN_MS = 100
/** 500 in the queue, one page of the log, and the notifications that were held until a gap was read. */
const MOST_WAITING_ROWS = 1_000

export interface SimulatedInstance {
  readonly wires: ReadonlySet<SimulatedWire>
  isAlive(): boolean
  isReady(): boolean
  isDraining(): boolean
  position(): number
  accept(audience: Audience, cursor: number, isFast: () => boolean, receiver: Receiver): SimulatedWire
  loseChannel(): void
  drain(done: () => void): void
  /** Stops at once. Some blocks in transit still arrive on each connection. */
  crash(): void
  /** The database went back to `seq`. An instance that has accepted later events must notice. */
  noteFork(seq: number): void
}

const silentLog = { info() {}, warn() {}, error() {} } as unknown as Logger

/** An instance of the stream layer in a simulated process, built as in `createStreaming` and `routes.ts`. */
export function startSimulatedInstance(simulation: Simulation, parts: Parts): SimulatedInstance {
  const { scheduler, random, database, fail, settings } = simulation
  const { log } = database
  const process: Process = scheduler.createProcess(random, (ms) => {
    if (ms > LONGEST_TURN_MS) fail(`a turn of the event loop took ${Math.round(ms)} ms`)
  })
  const wires = new Set<SimulatedWire>()
  const checks = new Set<ConnectionCheck>()
  let channel: SimulatedChannel | null = null
  let isReady = false
  let isDraining = false
  const timeline: TimelineView = createTimelineView(log, () => core.listener)

  const observers = createObserverCheck(fail)
  const core = parts.createCore({
    openChannel(events) {
      channel = createSimulatedChannel(
        { database, process, random },
        {
          ...events,
          onNotification(text) {
            hearText(text)
            events.onNotification(text)
          },
          onLost() {
            events.onLost()
            timeline.lose()
          },
        },
      )
      return channel
    },
    reader: createSimulatedReader(database, process, (rows) => rows.forEach(hear)),
    replayReader: countReads(createSimulatedReader(database, process)),
    clock: process.clock,
    log: silentLog,
    ring: settings.createRing(),
    observer: observers.observer,
  })
  const relay = core.hub.relay
  core.hub.relay = (row) => {
    process.charge(settings.crowd * CROWD_MS)
    checkQueue(row)
    observers.relay(row.seq)
    return relay(row)
  }
  const lifecycle = parts.startLifecycle({
    hub: core.hub,
    log: silentLog,
    clock: process.clock,
    findActiveSessions: (hashes) =>
      database.read(process, () => new Set(hashes.filter((hash) => log.rights.sessions.has(hash)))),
  })
  const deps: OpenDeps & ReplayDeps = {
    ...core,
    sync: () => core.listener.sync(),
    newest: () => core.listener.newest(),
    connectionLimit: createConnectionLimit({ streams: settings.streamsPerUser }),
    authorize: (wanted) => database.read(process, () => authorizeNow(log, wanted)),
  }

  function countReads(reader: LogReader): LogReader {
    return {
      ...reader,
      readTopics(start, end) {
        simulation.counts.topicReads += 1
        return reader.readTopics(start, end)
      },
      readFrames(seqs) {
        simulation.counts.frameReads += 1
        return reader.readFrames(seqs)
      },
    }
  }

  function checkQueue({ seq }: LogRow): void {
    const newest = core.listener.newest()
    if (timeline.stamp().limit < Infinity || newest - seq < MOST_WAITING_ROWS) return
    const waiting = log.indexAfter(newest) - log.indexAfter(seq)
    if (waiting > MOST_WAITING_ROWS) fail(`${waiting} rows wait to be relayed`)
  }

  function hearText(text: string): void {
    timeline.hear(text)
    if (text.includes('"ended"')) hear(JSON.parse(text) as LogRow)
  }

  function hear(row: LogRow): void {
    if (!isReady || !isRightsChange(row)) return
    const committed = log.find(row.seq)
    if (committed && row.seq <= timeline.stamp().limit) for (const check of checks) check.hear(committed)
  }

  const backlog = new Backlog(Infinity)

  async function serve(open: () => Promise<Subscriber>, wire: SimulatedWire, cut: () => void): Promise<void> {
    let isAnswered = false
    process.after(DEADLINE_MS, () => {
      if (!isAnswered) wire.respond(503)
    })
    try {
      const subscriber = await open()
      isAnswered = true
      await parts.replay(deps, subscriber).catch(cut)
    } catch (error) {
      isAnswered = true
      wire.respond(error instanceof HttpError ? error.status : 500)
      if (!(error instanceof HttpError) && !String(error).includes('does not answer')) fail(String(error))
    }
  }

  async function start(): Promise<void> {
    try {
      await core.listener.start()
      isReady = true
    } catch {
      process.after(1_000, () => void start())
    }
  }
  process.after(0, () => void start())

  return {
    wires,
    isAlive: process.isAlive,
    isReady: () => isReady && process.isAlive(),
    isDraining: () => isDraining,
    position: core.hub.position,
    accept(audience, cursor, isFast, receiver) {
      let check: ConnectionCheck | null = null
      const wire = createWire(scheduler, process, receiver, () => check!.nextStamp())
      wires.add(wire)
      process.after(0, () => {
        if (isDraining || !isReady) return wire.respond(503)
        const connection = createConnection(wire, 'identity', {
          backlog,
          clock: process.clock,
          counts: core.hub.counts,
        })
        const cut = connection.destroy.bind(connection)
        check = checkConnection(connection, {
          log,
          audience,
          position: core.hub.position(),
          stamp: timeline.stamp,
          now: process.clock.now,
          after: process.after,
          isFast,
          fail,
        })
        const added = check
        checks.add(added)
        connection.onClose(() => {
          checks.delete(added)
          wires.delete(wire)
        })
        const request = {
          home: audience.home,
          pages: audience.pages,
          joined: new Map(),
          cursor,
          identify: () => database.read(process, () => viewerOf(log, audience.session)),
          network: 'simulated',
        }
        void serve(() => openStream(deps, request, connection), wire, cut)
      })
      return wire
    },
    loseChannel: () => channel?.lose(),
    drain(done) {
      isDraining = true
      process.after(0, async () => {
        await lifecycle.drain()
        done()
      })
    },
    crash() {
      process.kill()
      void channel?.close()
      for (const wire of wires) wire.cut(random.between(0, 3))
      wires.clear()
    },
    noteFork: timeline.fork,
  }
}
