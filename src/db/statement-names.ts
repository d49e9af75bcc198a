import { createHash } from 'node:crypto'

/** The source has about 130 statements with a fixed text. A connection keeps each named one in memory. */
export const MAX_NAMES = 160

/** Runs with the same text before a statement gets a name. Statements with a varying text seldom reach this number. */
export const RUNS_BEFORE_NAME = 5

/** The number of texts that are counted at the same time. */
const MAX_COUNTED = 1_000

/** Returns the name under which a statement is prepared, or undefined if it is sent unnamed. */
export type NameOf = (text: string) => string | undefined

/**
 * Names the statements that run often, so that PostgreSQL parses and plans them once per connection. The first
 * MAX_NAMES of them keep their names for the life of the process, so no connection has more prepared statements.
 */
export function createStatementNames(): NameOf {
  const names = new Map<string, string>()
  let runs = new Map<string, number>()
  return (text) => {
    const name = names.get(text)
    if (name !== undefined || names.size === MAX_NAMES) return name
    const count = (runs.get(text) ?? 0) + 1
    if (count > RUNS_BEFORE_NAME) names.set(text, hashOf(text))
    if (runs.size === MAX_COUNTED) runs = new Map()
    runs.set(text, count)
    return names.get(text)
  }
}

/** The same text has the same name on every instance, as a pooler that shares prepared statements needs it. */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}
