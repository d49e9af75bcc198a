import { randomBytes } from 'node:crypto'

/** How long things take: several kinds in turn, so that what else the machine does falls on all of them alike. */

/** An instance as it runs in production: outside of it, templates are compiled anew for every page. */
export const inEarnest = {
  NODE_ENV: 'production',
  PUBLIC_ORIGIN: 'http://localhost',
  SESSION_KEYS: randomBytes(32).toString('hex'),
}

export interface Measured {
  median: number
  p95: number
}

/** Does each of `kinds` `times` times, in turn, after a few rounds that are not counted. Milliseconds. */
export async function measure<Kind extends string>(
  kinds: Record<Kind, (n: number) => Promise<unknown>>,
  times: number,
): Promise<Record<Kind, Measured>> {
  const names = Object.keys(kinds) as Kind[]
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Kind, number[]>
  const uncounted = Math.ceil(times / 5)
  for (let n = 0; n < times + uncounted; n++) {
    for (const name of names) {
      const start = performance.now()
      await kinds[name](n)
      if (n >= uncounted) taken[name].push(performance.now() - start)
    }
  }
  return Object.fromEntries(
    names.map((name) => [name, { median: quantile(taken[name], 0.5), p95: quantile(taken[name], 0.95) }]),
  ) as Record<Kind, Measured>
}

export function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

/** One line of a table: what, at the one, at the other, how they compare. */
export function line(what: string, { median: a }: Measured, { median: b }: Measured): string {
  return `${what.padEnd(26)} ${ms(a)} ${ms(b)}   × ${(b / a).toFixed(1)}`
}

function ms(value: number): string {
  return `${value.toFixed(1).padStart(8)} ms`
}
