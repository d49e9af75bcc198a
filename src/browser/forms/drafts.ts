/** What was typed and not yet sent. It survives a reload, together with the key that makes sending it twice harmless. */

interface Draft {
  text: string
  key: string
  /** The group it was meant for. */
  group?: string
}

const PREFIX = 'koafeed:draft:'

/** A draft belongs to a person and to what they answer. */
export function draftName(form: HTMLFormElement, me: string): string {
  const group = form.querySelector<HTMLInputElement>('input[name="group"]')?.value
  return `${PREFIX}${me}:${form.getAttribute('action') ?? ''}${group ? `:${group}` : ''}`
}

export function keepDraft(name: string, draft: Draft): void {
  attempt(() => {
    if (draft.text === '') localStorage.removeItem(name)
    else localStorage.setItem(name, JSON.stringify(draft))
  })
}

export function findDraft(name: string): Draft | null {
  return attempt(() => JSON.parse(localStorage.getItem(name) ?? 'null') as Draft | null) ?? null
}

export function dropDraft(name: string): void {
  attempt(() => localStorage.removeItem(name))
}

/** When someone signs out, the next person must find nothing. */
export function dropAllDrafts(): void {
  attempt(() => {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key)
  })
}

/** Storage may be full or forbidden; drafts are then kept in the page alone. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
