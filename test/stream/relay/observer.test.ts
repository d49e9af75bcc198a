import { expect } from 'chai'
import { pino } from 'pino'
import { createDb, type DatabasePool } from '../../../src/db/pool.ts'
import type { LogObserver } from '../../../src/lib/log-observer.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { createLogReader, type LogReader } from '../../../src/stream/log/reader.ts'
import type { ChannelEvents } from '../../../src/stream/relay/channel.ts'
import { createCore } from '../../../src/stream/streaming.ts'
import { useDatabase } from '../../support/database.ts'

describe('an observer of the log', () => {
  const database = useDatabase()
  let db: DatabasePool
  let core: ReturnType<typeof createCore>
  let channel: ChannelEvents
  let isListening = true
  let beforeRead = async (): Promise<void> => {}
  /** Milliseconds by which the clock of the listener is ahead. */
  let ahead = 0
  const seen: number[] = []
  const resets: number[] = []
  const observer: LogObserver = {
    accept: ({ seq }) => void seen.push(seq),
    reset: (seq) => void resets.push(seq),
  }

  before(async () => {
    db = await createDb(database.url, { applicationName: 'test' })
    await database.query(`insert into users (username, password_hash) values ('ann', 'x')`)
    await write()
    const reader = createLogReader(db)
    const paused: LogReader = {
      ...reader,
      async readFrom(...range) {
        await beforeRead()
        return reader.readFrom(...range)
      },
    }
    core = createCore({
      openChannel(events) {
        channel = events
        return {
          open: async () => {},
          close: async () => {},
          listening: () => isListening,
          retry: () => {},
          reconnects: () => 0,
        }
      },
      reader: paused,
      replayReader: reader,
      clock: { ...systemClock, now: () => systemClock.now() + ahead, every: () => () => {} },
      log: pino({ level: 'silent' }),
      observer,
    })
    await core.listener.start()
    await core.listener.sync()
  })
  after(async () => {
    await core.listener.stop()
    await db.end()
  })

  async function write(): Promise<void> {
    await database.query('insert into posts (author_id, body) select id, $1 from users', ['hello'])
  }

  async function newest(): Promise<number> {
    const [row] = await database.query<{ seq: string }>('select max(seq) as seq from log')
    return Number(row!.seq)
  }

  async function notification(seq: number): Promise<string> {
    const [row] = await database.query<{ row: string }>(
      `select json_build_object('seq', seq, 'event', event, 'topics', topics, 'payload', payload)::text as row
       from log where seq = $1`,
      [seq],
    )
    return row!.row
  }

  it('starts at the newest event', async () => {
    expect(resets).to.deep.equal([await newest()])
    expect(seen).to.deep.equal([])
  })

  it('gets each event once and in order, whether it was notified or read', async () => {
    const start = await newest()
    for (let n = 0; n < 3; n++) await write()
    channel.onNotification(await notification(start + 1))
    expect(seen).to.deep.equal([start + 1])
    channel.onNotification(await notification(start + 3))
    await core.listener.sync()
    channel.onNotification(await notification(start + 2))
    expect(seen).to.deep.equal([start + 1, start + 2, start + 3])
  })

  it('is not current from the loss of LISTEN until the log has been read', async () => {
    expect(core.listener.isCurrent()).to.equal(true)
    isListening = false
    channel.onLost()
    expect(core.listener.isCurrent()).to.equal(false)
    await core.listener.sync()
    expect(core.listener.isCurrent()).to.equal(true)
    isListening = true
  })

  it('is not current after a read during which LISTEN was lost', async () => {
    beforeRead = async () => {
      beforeRead = async () => {}
      channel.onLost()
    }
    await core.listener.sync()
    expect(core.listener.isCurrent()).to.equal(false)
    await core.listener.sync()
    expect(core.listener.isCurrent()).to.equal(true)
  })

  it('is fresh for 1.5 s from the beginning of a read of the log', async () => {
    await core.listener.sync()
    expect(core.listener.isFresh()).to.equal(true)
    ahead += 1_500
    expect(core.listener.isFresh()).to.equal(false)
    expect(core.listener.isCurrent()).to.equal(true)
    beforeRead = async () => {
      beforeRead = async () => {}
      ahead += 1_500
    }
    await core.listener.sync()
    expect(core.listener.isFresh(), 'the read took 1.5 s').to.equal(false)
    await core.listener.sync()
    expect(core.listener.isFresh()).to.equal(true)
  })

  it('starts again when the log goes back, and is not current until the log has been read', async () => {
    const kept = await newest()
    await write()
    await core.listener.sync()
    await database.query('delete from log where seq > $1', [kept])
    await core.listener.sync()
    expect(resets.at(-1)).to.equal(kept)
    expect(core.listener.isCurrent()).to.equal(false)
    await core.listener.sync()
    expect(core.listener.isCurrent()).to.equal(true)
  })
})
