import type { Bench } from './bench.ts'

/** A line of the table. */
export interface Figure {
  /** Unique among all figures. */
  name: string
  unit: string
  better: 'higher' | 'lower'
  goal: Goal
}

/** In the unit of the figure, or as a multiple of the floor; null if issue and documents name no goal. */
export type Goal = number | { ofFloor: number } | null

/** Medians of several runs. */
export interface Measured {
  value: number
  /** What the same machine can do without the product, measured in the same run; null if nothing comparable exists. */
  floor?: { name: string; value: number } | null
  /** What used the processors meanwhile. It shows whether the load generator was the limit. */
  shares?: Shares
}

/** Shares of one core, from 0 to 1. */
export interface Shares {
  server: number
  database: number
  load: number
}

/** Figures that are measured together, under one name for the command line. */
export interface Measurement<Key extends string = string> {
  name: string
  figures: Record<Key, Figure>
  measure(bench: Bench): Promise<Record<Key, Measured>>
}

/** Checks that `measure` returns a value for each figure. */
export function defineMeasurement<Key extends string>(measurement: Measurement<Key>): Measurement {
  return measurement
}

/** A figure and its measurement, or the message of the error that prevented it. */
export type Line = { figure: Figure } & ({ measured: Measured } | { error: string })

export type Verdict = 'met' | 'short' | 'failed' | 'no floor' | ''

export function verdictOf(line: Line): Verdict {
  if ('error' in line) return 'failed'
  const { goal, better } = line.figure
  const { value, floor } = line.measured
  if (goal === null) return ''
  if (typeof goal !== 'number' && !floor) return 'no floor'
  const limit = typeof goal === 'number' ? goal : goal.ofFloor * (floor?.value ?? 0)
  return (better === 'higher' ? value >= limit : value <= limit) ? 'met' : 'short'
}

/** The last line: a figure that failed is short of its goal too. */
export function summaryOf(lines: Line[]): string {
  const short = lines.filter((line) => ['short', 'failed'].includes(verdictOf(line))).length
  return `bench: ${lines.length} figures, ${short} short`
}
