import { changeSoon } from './scroll-anchor.ts'

// Some systems report an invalid language tag ("en-US@posix"). Without a valid tag, Intl uses the browser's default.
const languages = navigator.languages.filter(isLanguage)
const relative = new Intl.RelativeTimeFormat(languages, { numeric: 'auto' })
const day = new Intl.DateTimeFormat(languages, { dateStyle: 'medium' })
const shortDay = new Intl.DateTimeFormat(languages, { day: 'numeric', month: 'short' })
const full = new Intl.DateTimeFormat(languages, {
  dateStyle: 'full',
  timeStyle: 'short',
})

type Unit = 'second' | 'minute' | 'hour' | 'day'

const inUnit = (unit: Unit) =>
  new Intl.NumberFormat(languages, { style: 'unit', unit, unitDisplay: 'narrow' })
// Created once: every card has several times, and creating a format is slow.
const short = { second: inUnit('second'), minute: inUnit('minute'), hour: inUnit('hour'), day: inUnit('day') }

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * Shows each time in `root` in the reader's language, with the full date as its title: as "5 minutes ago" in a sentence,
 * and as "5m" beside a post or a comment, where screen readers still read "5 minutes ago".
 */
export function localizeTimes(root: ParentNode): void {
  const now = Date.now()
  for (const element of root.querySelectorAll('time')) {
    const time = new Date(element.dateTime)
    const text = ago(time, now, relative.format.bind(relative), day)
    if (element.closest('.when'))
      showShort(element, ago(time, now, shortly, sameYear(time, now) ? shortDay : day), text)
    else if (element.textContent !== text) element.textContent = text
    if (!element.title) element.title = full.format(time)
  }
}

function showShort(element: Element, short: string, spoken: string): void {
  if (element.childElementCount !== 2) {
    const [shown, heard] = [document.createElement('span'), document.createElement('span')]
    shown.ariaHidden = 'true'
    heard.className = 'visually-hidden'
    element.replaceChildren(shown, heard)
  }
  for (const [i, text] of [short, spoken].entries()) {
    const part = element.children[i]!
    if (part.textContent !== text) part.textContent = text
  }
}

/** Localizes all times of the page, now and every 20 s. */
export function startTimes(): void {
  localizeTimes(document)
  const update = () => changeSoon(() => localizeTimes(document))
  setInterval(update, 20_000)
  document.addEventListener('visibilitychange', update)
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}

function ago(
  time: Date,
  now: number,
  format: (value: number, unit: Unit) => string,
  date: Intl.DateTimeFormat,
): string {
  // The clocks of the server and the reader differ. Without the bound, a new post could be from "in 2 seconds".
  const seconds = Math.max(0, Math.round((now - time.getTime()) / 1000))
  if (seconds < 45) return format(0, 'second')
  if (seconds < 45 * MINUTE) return format(-Math.round(seconds / MINUTE), 'minute')
  if (seconds < 22 * HOUR) return format(-Math.round(seconds / HOUR), 'hour')
  if (seconds < 6.5 * DAY) return format(-Math.round(seconds / DAY), 'day')
  return date.format(time)
}

/** "now", "20m", "1h". */
function shortly(value: number, unit: Unit): string {
  return value === 0 ? relative.format(0, unit) : short[unit].format(-value)
}

function sameYear(time: Date, now: number): boolean {
  return time.getFullYear() === new Date(now).getFullYear()
}
