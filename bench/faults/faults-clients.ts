import { pause, until } from './cluster.ts'
import type { Fault } from './run.ts'

const EVENT_BYTES = 20_000
/** Linux lets a sender have 4 MB on their way; then comes the megabyte that the service keeps for each client. */
const KERNEL_BYTES = 5_500_000

export const deaf: Fault = {
  name: 'a client does not read',
  hold: { long: 25_000, short: 6_000 },
  // It comes back after its `retry:`, up to 8 s.
  heals: 10_000,
  followers: { direct: true },
  // Every event carries the whole card, 20 kB: what waits for the one has to pass the megabytes that the kernel takes.
  writers: {
    filler: () => '\u{1f980}'.repeat(4_900),
    every: 60,
    async follow(send, post) {
      for (const what of ['like', 'unlike', 'like', 'unlike', 'like']) await send(`/posts/${post}/${what}`)
    },
  },
  async happen({ followers, hold, breach, note }) {
    const [one, ...others] = followers
    one!.stall(true)
    const before = one!.ledger.length
    await pause(hold)
    const most = Math.max(...others.map(({ ledger }) => ledger.length))
    const least = Math.min(...others.map(({ ledger }) => ledger.length))
    const behind = most - one!.ledger.length
    // A slow machine writes too little in a short time to fill what the kernel takes.
    const passed = behind * EVENT_BYTES > KERNEL_BYTES
    note(`${behind} events behind${passed ? ', and cut off' : ''}`)
    if (one!.ledger.length > before + 50) breach('it went on reading')
    if (least < most - 50) breach('the others were held up too')
    one!.stall(false)
    if (!passed) return
    const connection = one!.ledger.at(-1)!.connection
    // It takes what the kernel kept for it, finds the end of the stream, and comes back with its cursor.
    await until(() => one!.ledger.at(-1)!.connection > connection, 15_000, 'its connection to end').catch(
      (error: Error) => breach(error.message),
    )
  },
}

export const restless: Fault = {
  name: 'clients reconnect all the time',
  hold: { long: 20_000, short: 4_000 },
  writers: { count: 50, every: 250 },
  followers: { restless: 100 },
  async happen({ followers, hold, note }) {
    await pause(hold)
    const connections = followers.map(({ ledger }) => ledger.at(-1)?.connection ?? 0)
    note(`${connections.reduce((sum, one) => sum + one, 0)} connections`)
  },
}

const kinds = ['€', 'é', '漢', '\u{1f600}', '\\"']

export const largePayloads: Fault = {
  name: 'payloads around 7,900 bytes',
  hold: { long: 20_000, short: 4_000 },
  writers: {
    filler: () => kinds[Math.floor(Math.random() * kinds.length)]!.repeat(1_800 + Math.random() * 300),
    every: 100,
    async follow(send, post) {
      await send(`/posts/${post}/like`)
      const { id: comment } = await send(`/posts/${post}/comments`, { body: 'ü'.repeat(1_900) })
      await send(`/comments/${comment}/like`)
      await send(`/comments/${comment}/edit`, { body: 'a shorter one' })
      await send(`/comments/${comment}/unlike`)
      await send(`/comments/${comment}/delete`)
      await send(`/posts/${post}/unlike`)
    },
  },
  async happen({ cluster, hold, note }) {
    await pause(hold)
    const [sizes] = await cluster.postgres.query<{ whole: string; told: string }>(
      `select count(*) filter (where octet_length(payload::text) < 7700) as whole,
         count(*) filter (where octet_length(payload::text) >= 7900) as told
       from (select payload from log order by seq desc limit 2000) newest`,
    )
    note(`${sizes!.whole} below, ${sizes!.told} above`)
  },
}
