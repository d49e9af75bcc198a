import { randomBytes } from 'node:crypto'

/** The environment of a production instance. */
export const productionEnv = {
  NODE_ENV: 'production',
  PUBLIC_ORIGIN: 'http://localhost',
  SESSION_KEYS: randomBytes(32).toString('hex'),
}

export interface Measured {
  median: number
  p95: number
}

/**
 * Measures each of `kinds` `times` times, after a few warm-up rounds. Returns milliseconds. The kinds alternate, so
 * that other load on the machine affects all of them equally.
 */
export async function measure<Kind extends string>(
  kinds: Record<Kind, (n: number) => Promise<unknown>>,
  times: number,
): Promise<Record<Kind, Measured>> {
  const names = Object.keys(kinds) as Kind[]
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Kind, number[]>
  const warmUp = Math.ceil(times / 5)
  for (let n = 0; n < times + warmUp; n++) {
    for (const name of names) {
      const start = performance.now()
      await kinds[name](n)
      if (n >= warmUp) taken[name].push(performance.now() - start)
    }
  }
  return Object.fromEntries(
    names.map((name) => [name, { median: quantile(taken[name], 0.5), p95: quantile(taken[name], 0.95) }]),
  ) as Record<Kind, Measured>
}

export function quantile(values: number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0
}

/** Formats one line of a table: the label, the two medians and their ratio. */
export function line(label: string, { median: a }: Measured, { median: b }: Measured): string {
  return `${label.padEnd(26)} ${ms(a)} ${ms(b)}   × ${(b / a).toFixed(1)}`
}

function ms(value: number): string {
  return `${value.toFixed(1).padStart(8)} ms`
}
