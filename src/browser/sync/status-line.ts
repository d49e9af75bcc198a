import { withCommas } from '../../shared/filters.ts'
import type { Change } from '../feed/change.ts'
import type { ServerEvent, StreamState } from './messages.ts'

/** The line at the end of the page: "live · 41,207 · 38 ms". */
export interface StatusLine {
  setState(state: StreamState): void
  /** `aheadMs`: how much the clock of this computer is ahead of the server's; NaN if that is not known. */
  setClock(aheadMs: number): void
  /** Takes the position and the delay of an event that has just arrived. */
  note(event: ServerEvent): void
  text(): string
}

export function createStatusLine(): StatusLine {
  let state: StreamState = 'connecting'
  let ahead = NaN
  let position = ''
  let delay = NaN

  return {
    setState: (next) => void (state = next),
    setClock: (aheadMs) => void (ahead = aheadMs),
    note({ name, id, data }) {
      position = id
      const at = timeOf(name, data)
      if (at) delay = Math.max(0, Date.now() - ahead - Date.parse(at))
    },
    text: () =>
      [words(state), position && withCommas(Number(position)), duration(delay)].filter(Boolean).join(' · '),
  }
}

function words(state: StreamState): string {
  if (state === 'live' || state === 'connecting') return state
  return navigator.onLine ? 'reconnecting' : 'offline'
}

/** The time of the change, if the event has it: a like of a post that stays where it is has none. */
function timeOf(name: string, data: string): string | null {
  if (name !== 'post' && name !== 'comment' && name !== 'like') return null
  const { action, post, comment, entries = [] } = JSON.parse(data) as Change & { entries?: { at?: string }[] }
  const changed = name === 'post' ? post : comment && 'body' in comment ? comment : null
  if (action === 'created') return changed?.created_at ?? null
  if (action === 'edited') return changed?.edited_at ?? null
  return action === 'added' ? (entries[0]?.at ?? null) : null
}

function duration(ms: number): string {
  if (Number.isNaN(ms)) return ''
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}
