// Some systems report an invalid language tag ("en-US@posix"). Without a valid tag, Intl uses the browser's default.
const languages = navigator.languages.filter(isLanguage)
const relative = new Intl.RelativeTimeFormat(languages, { numeric: 'auto' })
const day = new Intl.DateTimeFormat(languages, { dateStyle: 'medium' })
const full = new Intl.DateTimeFormat(languages, {
  dateStyle: 'full',
  timeStyle: 'short',
})

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Shows each time in `root` as "5 minutes ago" in the reader's language, with the full date as its title. */
export function localizeTimes(root: ParentNode): void {
  const now = Date.now()
  for (const element of root.querySelectorAll('time')) {
    const time = new Date(element.dateTime)
    const text = ago(time, now)
    if (element.textContent !== text) element.textContent = text
    if (!element.title) element.title = full.format(time)
  }
}

/** Localizes all times of the page, now and every 20 s. */
export function startTimes(): void {
  localizeTimes(document)
  setInterval(() => localizeTimes(document), 20_000)
  document.addEventListener('visibilitychange', () => localizeTimes(document))
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0
  } catch {
    return false
  }
}

function ago(time: Date, now: number): string {
  // The clocks of the server and the reader differ. Without the bound, a new post could be from "in 2 seconds".
  const seconds = Math.max(0, Math.round((now - time.getTime()) / 1000))
  if (seconds < 45) return relative.format(0, 'second')
  if (seconds < 45 * MINUTE) return relative.format(-Math.round(seconds / MINUTE), 'minute')
  if (seconds < 22 * HOUR) return relative.format(-Math.round(seconds / HOUR), 'hour')
  if (seconds < 6.5 * DAY) return relative.format(-Math.round(seconds / DAY), 'day')
  return day.format(time)
}
