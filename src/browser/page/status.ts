/** Messages outside the feed: new posts, toasts, and the line about the connection. */

const ANNOUNCE_INTERVAL_MS = 20_000

let unseen = 0
let unannounced = 0
let announcedAt = 0
let timer = 0
const title = document.title

/** Announces new posts to screen readers, at most every 20 s. While the tab is hidden, counts them in its title. */
export function announceNewPosts(count: number): void {
  unannounced += count
  if (document.hidden) {
    unseen += count
    document.title = `(${unseen}) ${title}`
  }
  clearTimeout(timer)
  timer = window.setTimeout(announce, Math.max(0, announcedAt + ANNOUNCE_INTERVAL_MS - Date.now()))
}

function announce(): void {
  announcedAt = Date.now()
  say(newPostsText(unannounced))
  unannounced = 0
}

/** Announces a message to screen readers, without an interruption. */
export function say(message: string): void {
  const region = document.getElementById('status')
  if (region) region.textContent = message
}

/** "1 new post", "2 new posts". */
export function newPostsText(count: number): string {
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

/** Shows a message for 8 s, or with a link for 20 s. */
export function toast(message: string, link?: Link): void {
  const line = document.createElement('p')
  line.className = 'toast-line'
  setMessage(line, message, link)
  document.getElementById('toasts')?.append(line)
  setTimeout(() => line.remove(), link ? 20_000 : 8000)
}

/** Shows a message about the connection; an empty message hides the line. */
export function showConnection(message: string, link?: Link): void {
  const line = document.getElementById('connection')
  if (!line) return
  setMessage(line, message, link)
  line.hidden = message === ''
}

/** Sets the content of `line` to a message, followed by an optional link. */
export function setMessage(line: Element, message: string, link?: Link): void {
  line.textContent = message
  if (link)
    line.append(' ', Object.assign(document.createElement('a'), { textContent: link.text, href: link.href }))
}
