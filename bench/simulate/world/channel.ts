import type { Channel, ChannelEvents } from '../../../src/stream/relay/channel.ts'
import type { Database } from './database.ts'
import { NOTIFY_BYTES, type Committed } from './log.ts'
import type { Random } from '../random.ts'
import type { Process } from '../scheduler.ts'

/** `src/stream/relay/channel.ts` with a simulated connection: notifications come in commit order, or not at all. */
export interface SimulatedChannel extends Channel {
  /** Breaks the connection. The listener notices later. */
  lose(): void
}

export function createSimulatedChannel(
  { database, process, random }: { database: Database; process: Process; random: Random },
  { onNotification, onListening, onLost }: ChannelEvents,
): SimulatedChannel {
  let connection = 0
  let connected = false
  let listening = false
  let reconnects = 0
  let lastAt = 0

  function notify(committed: Committed): void {
    const { faults, log } = database
    if (!connected || random.chance(faults.lost)) return
    const whole = log.textOf(committed)
    const text = whole.length > NOTIFY_BYTES ? `{"seq":${committed.row.seq}}` : whole
    const now = process.clock.now()
    lastAt = Math.max(lastAt, now + 0.1 + random.next() * faults.lateMs)
    const times = random.chance(faults.doubled) ? 2 : 1
    const sentOn = connection
    for (let n = 0; n < times; n++) {
      process.after(lastAt - now, () => {
        if (sentOn !== connection) return
        process.charge(0.02 + text.length * 0.000_005)
        onNotification(text)
      })
    }
  }

  function connect(): void {
    if (database.faults.down) {
      process.after(random.between(100, 500), connect)
      return
    }
    connected = true
    process.after(random.between(0, 20), () => {
      if (!connected) return
      listening = true
      onListening()
    })
  }

  function lose(): void {
    if (!connected) return
    connected = false
    process.after(random.chance(0.7) ? random.between(0, 20) : random.between(1_000, 4_700), () => {
      // Data that had arrived before the end of the connection has been read by now.
      connection += 1
      lastAt = 0
      listening = false
      reconnects += 1
      onLost()
      process.after(random.between(0, 500), connect)
    })
  }

  const stopListening = database.onCommit(notify)
  const stopRestarts = database.onRestart(() => {
    connection += 1 // notifications in transit are lost with the server
    lose()
  })
  return {
    async open() {
      if (database.faults.down) throw new Error('the database does not answer')
      connected = true
      listening = true
      onListening()
    },
    async close() {
      connected = false
      stopListening()
      stopRestarts()
    },
    listening: () => listening,
    retry() {},
    reconnects: () => reconnects,
    lose,
  }
}
