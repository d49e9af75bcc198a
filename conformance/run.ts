import type { Case } from './case.ts'
import { deliveryCases } from './cases/delivery.ts'
import { eventCases } from './cases/events.ts'
import { openingCases } from './cases/opening.ts'
import { resumeCases } from './cases/resume.ts'
import { rightsCases } from './cases/rights.ts'
import { openSite } from './site.ts'

export const cases: readonly Case[] = [
  ...openingCases,
  ...eventCases,
  ...deliveryCases,
  ...resumeCases,
  ...rightsCases,
]

export interface Result {
  name: string
  /** Null where the case passed. */
  failure: string | null
}

export interface RunOptions {
  /** Leaves out the cases that wait for more than ten seconds. */
  fast?: boolean
  /** Runs only the cases whose name contains this. */
  only?: string
  /** Milliseconds within which an answer and an event have to arrive. */
  timeout?: number
  onResult?(result: Result): void
}

/** Checks a server against the stream contract, over HTTP alone. */
export async function runConformance(
  origin: string,
  { fast = false, only = '', timeout = 10_000, onResult = () => {} }: RunOptions = {},
): Promise<Result[]> {
  const results: Result[] = []
  function report(name: string, failure: string | null): void {
    results.push({ name, failure })
    onResult({ name, failure })
  }
  try {
    const site = await openSite(new URL(origin), timeout)
    for (const { name, run } of cases.filter((one) => !(fast && one.slow) && one.name.includes(only))) {
      report(name, await run(site).then(() => null, messageOf))
      site.closeStreams()
    }
  } catch (error) {
    report('three people can register, sign in and follow', messageOf(error))
  }
  return results
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
