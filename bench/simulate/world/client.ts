import type { Audience } from '../audience.ts'
import { parseBlock, type Block } from './blocks.ts'
import { createLedger, type Ledger, type Position } from '../check/ledger.ts'
import { authorizeNow } from './reader.ts'
import type { SimulatedInstance } from './instance.ts'
import type { Simulation } from '../simulation.ts'
import type { Pace, Receiver, SimulatedWire } from './wire.ts'

/** The page opens its stream again after this silence, as in `src/browser/sync/stream.ts`. */
const SILENCE_MS = 25_000
const SILENCE_CHECK_MS = 5_000
const HIDDEN_PAGE_MS = 5_000

/** A page in a browser: loads its state, keeps a stream open, and loads again on a reset. */
export interface SimulatedClient {
  readonly name: string
  readonly audience: Audience
  readonly ledger: Ledger
  setPace(pace: Pace): void
  /** Breaks the connection. Up to `kept` blocks in transit still arrive. */
  disconnect(kept: number): void
  /** The device sleeps without closing its connection, and wakes up later. */
  vanish(ms: number): void
  /** The page is restored from the browser's history, with an earlier cursor. */
  goBack(choice: number): void
  /** Reloads the page. */
  reload(): void
  isOpen(): boolean
  /** The viewer may not see the page, or requests it again. */
  isHidden(): boolean
}

export function createClient(simulation: Simulation, name: string, audience: Audience): SimulatedClient {
  const { scheduler, random, database } = simulation
  const { log } = database
  const fail = (why: string): void => simulation.fail(`${name}: ${why}`)
  const ledger = createLedger(log, audience, fail)
  const earlier: Position[] = []
  let pace: Pace = 'fast'
  let wire: SimulatedWire | null = null
  let instance: SimulatedInstance | null = null
  /** Cancels the work for earlier connections and pages. */
  let attempt = 0
  let retry = 3_000
  let lastSeenAt = 0
  /** Whether the client has read everything on this connection at once. */
  let reading = { isFast: true }
  let isOpen = false
  let isAsleep = false
  let isHidden = false
  let beats: number[] = []

  function close(isHeard = true): void {
    attempt += 1
    isOpen = false
    reading.isFast = false
    wire?.abandon(isHeard)
    wire = null
  }

  function later(ms: number, run: () => void): void {
    const current = attempt
    scheduler.after(ms, () => {
      if (attempt === current && !isAsleep) run()
    })
  }

  interface Snapshot extends Position {
    isSignedOut: boolean
    isHidden: boolean
  }

  function fetchState(done: (snapshot: Snapshot) => void): void {
    const current = attempt
    const take = (): Snapshot => {
      const viewer = audience.user === null ? null : { id: String(audience.user), session: audience.session! }
      const authorized = authorizeNow(log, { viewer, home: audience.home, pages: audience.pages })
      return {
        seq: log.newest(),
        generation: log.generation(),
        isSignedOut: !authorized.isSessionAlive,
        isHidden: authorized.missing.length > 0,
      }
    }
    database.readPage(take, (result) => {
      if (attempt !== current || isAsleep) return
      if (result === null) later(random.between(500, 4_000), () => fetchState(done))
      else if (result.value.isSignedOut) signIn()
      else if (result.value.isHidden) {
        close()
        isHidden = true
        later(HIDDEN_PAGE_MS, load)
      } else done(result.value)
    })
  }

  function signIn(): void {
    close()
    later(random.between(100, 2_000), () => {
      if (!database.faults.down) {
        audience.session = `session${log.newId()}`
        log.addSession(audience.user!, audience.session)
      }
      load()
    })
  }

  function load(): void {
    close()
    fetchState((snapshot) => {
      isHidden = false
      ledger.load(snapshot)
      later(random.between(0, 300), connect)
    })
  }

  function refetch(): void {
    later(random.between(0, 500), () => fetchState((snapshot) => ledger.refetched(snapshot)))
  }

  function connect(): void {
    close()
    lastSeenAt = scheduler.now()
    const current = { isFast: pace === 'fast' }
    reading = current
    beats = []
    const chosen = simulation.chooseInstance()
    if (!chosen) return later(random.between(500, 2_000), connect)
    instance = chosen
    later(random.between(1, 30), () => {
      if (!chosen.isAlive()) return later(random.between(500, 2_000), connect)
      wire = chosen.accept({ ...audience }, ledger.cursor().seq, () => current.isFast, receiverFor(attempt))
    })
    watch()
    if (ledger.needsFetch()) refetch()
  }

  function watch(): void {
    later(SILENCE_CHECK_MS, () => {
      const silence = scheduler.now() - lastSeenAt
      if (silence <= SILENCE_MS) return watch()
      if (isOpen && reading.isFast && instance?.isAlive()) fail(`nothing came for ${Math.round(silence)} ms`)
      connect()
    })
  }

  function count({ event }: Block): void {
    simulation.counts.blocks += 1
    if (event === 'beat') simulation.counts.beats += 1
    if (event === 'reset') simulation.counts.resets += 1
  }

  function receiverFor(current: number): Receiver {
    const isCurrent = (): boolean => attempt === current
    return {
      pace: () => pace,
      receive({ bytes, stamp }) {
        if (!isCurrent()) return
        lastSeenAt = scheduler.now()
        isOpen = true
        const block = parseBlock(bytes)
        count(block)
        if (block.retry !== null) retry = block.retry
        ledger.receive(block, stamp)
        if (block.event === 'reset') refetch()
        if (block.event === 'beat') noteBeat(block.id!)
        else beats = []
        if (block.id !== null && random.chance(0.2)) earlier.push(ledger.cursor())
      },
      closed() {
        if (!isCurrent()) return
        close()
        later(retry, connect)
      },
      refused(status) {
        if (!isCurrent()) return
        close()
        if (status === 401 || status === 404) later(random.between(100, 1_000), load)
        else later(random.between(500, 8_000), connect)
      },
    }
  }

  /** Beats that follow within 15 s are sent only during a replay. Each of them must move the cursor. */
  function noteBeat(id: number): void {
    const now = scheduler.now()
    if (beats.length > 0 && (now - lastBeatAt > 10_000 || id > beats.at(-1)!)) beats = []
    lastBeatAt = now
    beats.push(id)
    const isDatabaseWell = now - database.troubledAt() > 15_000
    if (beats.length > 2 && reading.isFast && isDatabaseWell) fail(`a replay stands still at ${id}`)
  }
  let lastBeatAt = 0

  load()
  return {
    name,
    audience,
    ledger,
    setPace(wanted) {
      pace = wanted
      if (pace !== 'fast') reading.isFast = false
      wire?.resume()
    },
    disconnect(kept) {
      wire?.cut(kept)
    },
    vanish(ms) {
      close(false)
      isAsleep = true
      scheduler.after(ms, () => {
        isAsleep = false
        if (ledger.cursor().seq > 0) later(0, connect)
        else load()
      })
    },
    goBack(choice) {
      const valid = earlier.filter(({ seq, generation }) => log.isValid(seq, generation))
      const position = valid[choice % valid.length]
      if (!position || isAsleep || ledger.needsFetch()) return
      close()
      ledger.resumeFrom(position)
      later(random.between(0, 300), connect)
    },
    reload() {
      if (!isAsleep) load()
    },
    isOpen: () => isOpen,
    isHidden: () => isHidden,
  }
}
