/**
 * Loads a module at its first use: `loadModule(() => import('./editing.ts'), link)`. During a deploy, an instance may not
 * have the file, so a failed load is repeated once. If that fails too, the browser follows the link or sends the form, as
 * it does without JavaScript, and the result is null.
 */
export async function loadModule<T>(
  load: () => Promise<T>,
  fallback?: HTMLAnchorElement | HTMLFormElement,
): Promise<T | null> {
  for (const delayMs of [1_000, null]) {
    try {
      return await load()
    } catch {
      if (delayMs !== null) await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
  if (fallback instanceof HTMLFormElement) fallback.submit()
  else if (fallback) location.assign(fallback.href)
  return null
}
