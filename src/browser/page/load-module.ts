import { RequestError } from './api.ts'

const RETRY_AFTER_MS = 1_000

/**
 * Loads a module at its first use: `loadModule(() => import('./editing.ts'), link)`. If that fails, the browser follows
 * the link or sends the form, as it does without JavaScript, and the result is null.
 */
export async function loadModule<T>(
  load: () => Promise<T>,
  fallback?: HTMLAnchorElement | HTMLFormElement,
): Promise<T | null> {
  try {
    return await importModule(load)
  } catch {
    if (fallback instanceof HTMLFormElement) fallback.submit()
    else if (fallback) location.assign(fallback.href)
    return null
  }
}

/**
 * Repeats a failed `import()` once: the connection was lost, or an instance does not have the file during a deploy.
 * Browsers remember that a module could not be loaded, so the second request needs another address. The message of the
 * error has the first one.
 * @throws RequestError if the second request fails too
 */
export async function importModule<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS))
    const [address] = /https?:\S+\.js/.exec(String(error)) ?? []
    const again = address ? (import(`${address}?again=${Date.now()}`) as Promise<T>) : load()
    return again.catch(() => {
      throw new RequestError(0, 'No connection. Please try again.')
    })
  }
}
