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
  /** Delivers a notification as LISTEN would. */
  let notify: ChannelEvents['onNotification']
  /** Milliseconds that the clock is ahead. */
  let ahead = 0

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    const clock = { ...systemClock, now: () => systemClock.now() + ahead }
    listener = createListener({
      openChannel({ onNotification }) {
        notify = onNotification
        return {
          open: async () => {},
          close: async () => {},
          listening: () => true,
          retry: () => {},
          reconnects: () => 0,
        }
      },
      reader: createLogReader(db),
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

  /** Commits an event, and waits until the timer has found it in the log; returns its notification. */
  async function commitUnnotified(): Promise<string> {
    await database.query(`select append_log('user', '{all}', '{"id": "1"}')`)
    const [row] = await database.query<{ notification: string; seq: number }>(
      `select json_build_object('seq', seq, 'event', event, 'topics', topics, 'payload', payload)::text
         as notification, seq::float8 as seq
       from log order by seq desc limit 1`,
    )
    await eventually(() => hub.position() === row!.seq)
    return row!.notification
  }
  /** Waits for a tick of the listener after the clock has moved. */
  async function tickAfter(ms: number): Promise<void> {
    ahead += ms
    expect(listener.unhealthyReasons()).to.deep.equal(['the database does not answer'])
    await eventually(() => listener.unhealthyReasons().length === 0)
  }

  it('does not include a notification that comes late', async () => {
    notify(await commitUnnotified())
    await tickAfter(10_000)
    expect(listener.counters().missedNotifications).to.equal(0)
  })

  it('includes a notification that does not come at all', async () => {
    await commitUnnotified()
    await tickAfter(10_000)
    expect(listener.counters().missedNotifications).to.equal(1)
  })
})
