/** A measured figure and its limit. */
export interface Figure {
  name: string
  value: number
  unit: 'bytes' | 'ms' | ''
  limit: number
  /** Figures that are not the same in each run are printed, but break no build. */
  enforced: boolean
}

export function isOver({ value, limit }: Figure): boolean {
  return value > limit
}

/** Returns one table, as GitHub's Markdown, and the line `budgets: N figures, M over`. */
export function formatBudgets(figures: Figure[]): string {
  const rows = [
    ['figure', 'measured', 'limit', 'result'],
    ...figures.map((figure) => [
      figure.name,
      format(figure.value, figure),
      format(figure.limit, figure),
      isOver(figure) ? (figure.enforced ? 'over' : 'over (not enforced)') : 'ok',
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`,
  )
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`)
  return `${lines.join('\n')}\n\nbudgets: ${figures.length} figures, ${figures.filter(isOver).length} over`
}

function format(number: number, { unit }: Figure): string {
  return `${number.toLocaleString('en', { maximumFractionDigits: number < 1 ? 4 : 0 })} ${unit}`.trim()
}
