import type { Page } from './page.ts'
import { localizeTimes } from './times.ts'

/**
 * Fetches the page again and replaces the parts that no event updates: the numbers on a profile, and whom the viewer
 * follows. They are marked with `data-fresh`. After an error they stay as they are.
 */
export async function refreshParts(page: Page): Promise<void> {
  const parts = [...document.querySelectorAll<HTMLElement>('[data-fresh]')]
  if (parts.length === 0 || !page.me) return
  try {
    const response = await fetch(location.pathname + location.search, {
      // A page of another person would redirect to the form to sign in, which has no such parts.
      headers: { Accept: 'text/html', 'X-As': page.me.id, 'Last-Event-ID': page.seq },
    })
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html')
    for (const part of parts) {
      const next = fresh.querySelector(`[data-fresh="${part.dataset.fresh}"]`)
      if (!next || part.contains(document.activeElement)) continue
      localizeTimes(next)
      part.replaceWith(document.adoptNode(next))
    }
  } catch {
    // The next reload shows them.
  }
}
