import { verdictOf, type Figure, type Line } from './figure.ts'

const HEADINGS = ['figure', 'measured', 'floor', 'ratio', 'goal', 'result', 'CPU server/database/load']

/** Returns one table, as GitHub's Markdown, with a row for each line. */
export function formatTable(lines: Line[]): string {
  const rows = lines.map(cellsOf)
  const widths = HEADINGS.map((heading, n) =>
    Math.max(...[heading, ...rows.map((row) => row[n] ?? '')].map(({ length }) => length)),
  )
  const format = (cells: string[]): string =>
    `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`
  return [format(HEADINGS), format(widths.map((width) => '-'.repeat(width))), ...rows.map(format)].join('\n')
}

function cellsOf(line: Line): string[] {
  const { figure } = line
  const verdict = verdictOf(line)
  if ('error' in line) return [figure.name, line.error, '', '', goalOf(figure), verdict, '']
  const { value, floor, shares } = line.measured
  return [
    figure.name,
    `${formatNumber(value)} ${figure.unit}`.trim(),
    floor ? `${formatNumber(floor.value)} ${floor.name}` : '',
    floor ? `× ${formatNumber(value / floor.value)}` : '',
    goalOf(figure),
    verdict,
    shares ? [shares.server, shares.database, shares.load].map(percent).join(' / ') : '',
  ]
}

function goalOf({ goal, better }: Figure): string {
  if (goal === null) return ''
  const sign = better === 'higher' ? '≥' : '≤'
  return typeof goal === 'number'
    ? `${sign} ${formatNumber(goal)}`
    : `${sign} × ${formatNumber(goal.ofFloor)}`
}

/** Three digits, or all digits before the point. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
