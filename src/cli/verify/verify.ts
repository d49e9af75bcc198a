import type pg from 'pg'
import { CHECKS, type Check } from './checks.ts'
import { ENTRIES } from './entries.ts'
import { LOG_CHECKS } from './log.ts'

/** All checks, in the order in which their faults must be repaired: an event shows the result of the earlier repairs. */
export const ALL_CHECKS: readonly Check[] = [...CHECKS, ENTRIES, ...LOG_CHECKS]

export interface Finding {
  check: Check
  faults: { id: string; fault: string }[]
}

/** Runs all checks on one snapshot. It takes no locks, so the site keeps running. */
export async function findFaults(client: pg.ClientBase): Promise<Finding[]> {
  await client.query('begin isolation level repeatable read read only')
  try {
    const findings: Finding[] = []
    for (const check of ALL_CHECKS) {
      const { rows } = await client.query<{ id: string; fault: string }>(check.find)
      findings.push({ check, faults: rows })
    }
    return findings
  } finally {
    await client.query('rollback')
  }
}

/**
 * Repairs each fault in a transaction of its own. Returns the faults that it could not repair.
 * A fault that is gone meanwhile stays gone: the repair computes the right values again.
 */
export async function repairFaults(
  client: pg.ClientBase,
  findings: readonly Finding[],
): Promise<{ fault: string; reason: string }[]> {
  const failed: { fault: string; reason: string }[] = []
  for (const { check, faults } of findings) {
    for (const { id, fault } of faults) {
      try {
        await repair(client, check, id)
      } catch (error) {
        failed.push({ fault, reason: error instanceof Error ? error.message : String(error) })
      }
    }
  }
  return failed
}

async function repair(client: pg.ClientBase, check: Check, id: string): Promise<void> {
  await client.query('begin')
  try {
    for (const statement of check.repair) await client.query(statement, [id])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}
