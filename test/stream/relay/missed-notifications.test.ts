import { expect } from 'chai'
import { pino } from 'pino'
import { createDb, type DatabasePool } from '../../../src/db/pool.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogReader } from '../../../src/stream/log/reader.ts'
import type { ChannelEvents } from '../../../src/stream/relay/channel.ts'
import { createHub } from '../../../src/stream/relay/hub.ts'
import { createListener, type Listener } from '../../../src/stream/relay/listener.ts'
import { createRelayQueue } from '../../../src/stream/relay/relay-queue.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

describe('the number of missed notifications', () => {
  const database = useDatabase()
  const hub = createHub()
  let db: DatabasePool
  let listener: Listener
  /** What LISTEN would call. */
  let channel: ChannelEvents
  /** Milliseconds that the clock is ahead. */
  let ahead = 0
  /** Called after a read of the log, before the listener gets the rows. */
  let afterRead = async (): Promise<void> => {}

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    const clock = { ...systemClock, now: () => systemClock.now() + ahead }
    const reader = createLogReader(db)
    listener = createListener({
      openChannel(events) {
        channel = events
        return {
          open: async () => {},
          close: async () => {},
          listening: () => true,
          retry: () => {},
          reconnects: () => 0,
        }
      },
      reader: {
        ...reader,
        async readFrom(...range) {
          const rows = await reader.readFrom(...range)
          await afterRead()
          return rows
        },
      },
      queue: createRelayQueue(hub, clock),
      handler: { ...hub, accept: () => {}, listenLost: () => {} },
      clock,
      log: pino({ level: 'silent' }),
    })
    await listener.start()
  })
  after(async () => {
    await listener.stop()
    await db.end()
  })

  /** Commits an event, and returns its number. */
  async function commit(): Promise<number> {
    await database.query(`select append_log('user', '{all}', '{"id": "1"}')`)
    const [row] = await database.query<{ seq: number }>('select max(seq)::float8 as seq from log')
    return row!.seq
  }
  /** Commits an event, and waits until the timer has found it in the log; returns its notification. */
  async function commitUnnotified(): Promise<string> {
    const seq = await commit()
    await eventually(() => hub.position() === seq)
    return notificationOf(seq)
  }
  /** A notification of a long row has only its number. */
  const notificationOf = (seq: number): string => JSON.stringify({ seq })
  /** Waits for a tick of the listener after the clock has moved. */
  async function tickAfter(ms: number): Promise<void> {
    ahead += ms
    await eventually(() => listener.unhealthyReasons().length === 0)
    const ticked = Promise.withResolvers<void>()
    afterRead = async () => ticked.resolve()
    await ticked.promise
    afterRead = async () => {}
  }
  const missed = (): number => listener.counters().missedNotifications

  it('does not include a notification that comes late, in order', async () => {
    const [first, second] = [await commitUnnotified(), await commitUnnotified()]
    await tickAfter(50_000)
    channel.onNotification(first)
    channel.onNotification(second)
    await tickAfter(100_000)
    expect(missed()).to.equal(0)
  })

  it('does not include a notification that comes while the timer reads its event', async () => {
    const found = Promise.withResolvers<number>()
    afterRead = async () => {
      afterRead = async () => {}
      const seq = await commit()
      // The timer has the rows from before. The next read finds the event, and its notification comes meanwhile.
      afterRead = async () => {
        afterRead = async () => {}
        channel.onNotification(notificationOf(seq))
        found.resolve(seq)
      }
    }
    const seq = await found.promise
    await eventually(() => hub.position() === seq)
    await tickAfter(100_000)
    expect(missed()).to.equal(0)
  })

  it('does not include what a connection lost that broke at once', async () => {
    await commitUnnotified()
    channel.onLost()
    await tickAfter(100_000)
    expect(missed()).to.equal(0)
  })

  it('includes a notification as soon as a later one has come', async () => {
    const before = missed()
    await commitUnnotified()
    channel.onNotification(await commitUnnotified())
    expect(missed()).to.equal(before + 1)
  })

  it('includes a notification that does not come within a minute', async () => {
    const before = missed()
    await commitUnnotified()
    await tickAfter(61_000)
    expect(missed()).to.equal(before + 1)
  })

  it('includes what was sent to a connection that was silent before it broke', async () => {
    const before = missed()
    await commitUnnotified()
    ahead += 4_000
    channel.onLost()
    expect(missed()).to.equal(before + 1)
  })
})
