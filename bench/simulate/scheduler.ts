import type { Clock } from '../../src/lib/clock.ts'
import { pop, push, type Timed } from './heap.ts'
import type { Random } from './random.ts'

/** Runs events in the order of virtual time. Nothing in a simulation uses real time. */
export interface Scheduler {
  /** Virtual milliseconds. */
  now(): number
  /** Runs `task` once after `ms`. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void
  /** Runs everything that is due up to `time`. */
  runUntil(time: number): Promise<void>
  /** Creates a process with one thread: its events wait while it is busy. */
  createProcess(random: Random, onTurn: (ms: number) => void): Process
}

/** The event loop of one instance. */
export interface Process {
  clock: Clock
  /** Uses virtual CPU time in the current turn. */
  charge(ms: number): void
  /** Runs `task` as a turn of this process, when it is free and `ms` have passed. */
  after(ms: number, run: () => void): () => void
  /** Ends the process: nothing of it runs after this. */
  kill(): void
  isAlive(): boolean
}

interface Entry extends Timed {
  run: (() => void) | null
  process: State | null
  /** The process whose waiting events run next. */
  wakes: State | null
}

interface State {
  busyUntil: number
  charged: number
  alive: boolean
  waiting: Entry[]
  isWaking: boolean
  mustWake: boolean
  onTurn(ms: number): void
}

export function createScheduler(): Scheduler {
  const heap: Entry[] = []
  let now = 0
  let order = 0
  let current: State | null = null

  function schedule(ms: number, run: () => void, process: State | null): () => void {
    const entry: Entry = {
      at: now + (current?.charged ?? 0) + Math.max(0, ms),
      order: order++,
      run,
      process,
      wakes: null,
    }
    push(heap, entry)
    return () => {
      entry.run = null
    }
  }

  /** Runs one event. Returns whether promises may depend on it. */
  function execute(entry: Entry): boolean {
    const { process } = entry
    if (entry.wakes) return beginWaiting(entry.wakes, entry.at)
    if (process && (process.busyUntil > entry.at || process.waiting.length > 0)) {
      process.waiting.push(entry)
      wakeUp(process)
      return false
    }
    return begin(entry, process)
  }

  function begin(entry: Entry, process: State | null): boolean {
    if (entry.run === null || process?.alive === false) return false
    const { run } = entry
    now = entry.at
    current = process
    entry.run = null
    run()
    return process !== null
  }

  /** Events that became due while a process was busy run afterwards, in order. */
  function wakeUp(process: State): void {
    if (process.isWaking) return
    process.isWaking = true
    push(heap, { at: process.busyUntil, order: order++, run: null, process: null, wakes: process })
  }

  function beginWaiting(process: State, at: number): boolean {
    process.isWaking = false
    const next = process.waiting.shift()
    if (!next) return false
    next.at = at
    const began = begin(next, process)
    if (process.waiting.length > 0) {
      if (began) process.mustWake = true
      else wakeUp(process)
    }
    return began
  }

  function endTurn(): void {
    if (current === null) return
    current.busyUntil = now + current.charged
    current.onTurn(current.charged)
    current.charged = 0
    if (current.mustWake) {
      current.mustWake = false
      wakeUp(current)
    }
    current = null
  }

  return {
    now: () => now + (current?.charged ?? 0),
    after: (ms, run) => schedule(ms, run, null),
    runUntil(time) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      function step(): void {
        try {
          endTurn()
          while (heap.length > 0 && heap[0]!.at <= time) {
            if (!execute(pop(heap))) continue
            // All microtasks run before the tick, so the promises of this turn are settled when the next event runs.
            queueMicrotask(() => process.nextTick(step))
            return
          }
          now = Math.max(now, time)
          resolve()
        } catch (error) {
          reject(error)
        }
      }
      step()
      return promise
    },
    createProcess(random, onTurn) {
      const state: State = {
        busyUntil: 0,
        charged: 0,
        alive: true,
        waiting: [],
        isWaking: false,
        mustWake: false,
        onTurn,
      }
      const after = (ms: number, run: () => void): (() => void) => schedule(ms, run, state)
      return {
        after,
        clock: {
          now: () => now + (current?.charged ?? 0),
          random: random.next,
          after,
          every(ms, run) {
            let cancel = after(ms, tick)
            function tick(): void {
              cancel = after(ms, tick)
              run()
            }
            return () => cancel()
          },
          nextTurn: (run) => after(0, run),
        },
        charge(ms) {
          if (current === state) state.charged += ms
        },
        kill() {
          state.alive = false
        },
        isAlive: () => state.alive,
      }
    },
  }
}
