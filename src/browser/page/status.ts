/** What the page says besides its posts. */

const EVERY = 20_000

let unseen = 0
let unsaid = 0
let saidAt = 0
let timer = 0
const title = document.title

/** New posts: told to screen readers at most every 20 s, and counted in the title while nobody looks. */
export function tellNew(count: number): void {
  unsaid += count
  if (document.hidden) {
    unseen += count
    document.title = `(${unseen}) ${title}`
  }
  clearTimeout(timer)
  timer = window.setTimeout(sayNew, Math.max(0, saidAt + EVERY - Date.now()))
}

function sayNew(): void {
  saidAt = Date.now()
  const region = document.getElementById('status')
  if (region) region.textContent = newPosts(unsaid)
  unsaid = 0
}

export function newPosts(count: number): string {
  return `${count} new ${count === 1 ? 'post' : 'posts'}`
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return
  unseen = 0
  document.title = title
})

export interface Link {
  text: string
  href: string
}

/** A message that goes by itself, with a link where it leads somewhere. */
export function toast(message: string, link?: Link): void {
  const line = document.createElement('p')
  line.className = 'toast-line'
  say(line, message, link)
  document.getElementById('toasts')?.append(line)
  setTimeout(() => line.remove(), link ? 20_000 : 8000)
}

/** The line about the connection; an empty message hides it. */
export function tellConnection(message: string, link?: Link): void {
  const line = document.getElementById('connection')
  if (!line) return
  say(line, message, link)
  line.hidden = message === ''
}

/** Writes a message, and behind it the way to do something about it. */
export function say(line: Element, message: string, link?: Link): void {
  line.textContent = message
  if (link)
    line.append(' ', Object.assign(document.createElement('a'), { textContent: link.text, href: link.href }))
}
