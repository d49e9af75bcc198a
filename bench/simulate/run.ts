import { NO_FAULTS } from './world/database.ts'
import { createHistory, type History } from './history.ts'
import { productionParts, type Parts } from './parts.ts'
import { createRandom } from './random.ts'
import { createSimulation, type Simulation } from './simulation.ts'
import { applyStep } from './steps.ts'

/** Without faults everything must be complete within this time: a phone that sleeps does so for 33 s at most. */
const COMPLETE_WITHIN_MS = 120_000
const START_MS = 500
const LONG_WAIT_MS = 20_000

export function historyOf(seed: number): History {
  return createHistory(seed, createRandom(seed))
}

export interface Outcome {
  /** The first broken promise; null if there is none. */
  failure: string | null
  /** Two runs of a seed have the same counts, and end at the same virtual time. */
  counts: Simulation['counts']
  ms: number
}

export async function runHistory(history: History, parts: Parts = productionParts): Promise<Outcome> {
  const simulation = createSimulation(createRandom(history.seed ^ 0x5bd1e995), history.settings, parts)
  const { scheduler } = simulation
  await scheduler.runUntil(START_MS)
  for (const { after, kind, choice } of history.steps) {
    await scheduler.runUntil(scheduler.now() + (kind === 'wait' ? choice % LONG_WAIT_MS : after))
    if (simulation.failures().length > 0) break
    applyStep(simulation, kind, choice)
  }
  if (simulation.failures().length === 0) await complete(simulation)
  return {
    failure: simulation.failures()[0] ?? null,
    counts: simulation.counts,
    ms: scheduler.now(),
  }
}

async function complete(simulation: Simulation): Promise<void> {
  const { scheduler, database, clients } = simulation
  await scheduler.runUntil(scheduler.now() + 100)
  Object.assign(database.faults, NO_FAULTS)
  for (const client of clients) client.setPace('fast')
  const end = scheduler.now() + COMPLETE_WITHIN_MS
  let missing: string | null = ''
  while (missing !== null && scheduler.now() < end && simulation.failures().length === 0) {
    await scheduler.runUntil(scheduler.now() + 2_000)
    Object.assign(database.faults, NO_FAULTS)
    missing = findIncomplete(simulation)
  }
  if (missing !== null) simulation.fail(`at the end ${missing}`)
}

function findIncomplete({ instances, clients, database: { log } }: Simulation): string | null {
  for (const instance of instances()) {
    if (!instance.isReady()) return 'an instance has not started'
    if (instance.position() !== log.newest())
      return `an instance is at ${instance.position()} of ${log.newest()}`
  }
  for (const client of clients) {
    if (client.isHidden()) continue
    if (!client.isOpen()) return `${client.name} is not connected`
    const missing = client.ledger.missing()
    if (missing) return `${client.name}: ${missing}`
  }
  return null
}
