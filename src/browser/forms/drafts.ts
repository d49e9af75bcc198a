/** Drafts of posts and comments, in the local storage of the browser. */

interface Draft {
  text: string
  /** The `client_key` of the form: with it, the server stores the text only once even if the form is sent twice. */
  key: string
  /** The name of the group that the post is for. */
  group?: string
}

const PREFIX = 'koafeed:draft:'

/** The name of a draft in the storage: one per viewer, form and group. */
export function draftName(form: HTMLFormElement, viewerId: string): string {
  const group = form.querySelector<HTMLInputElement>('input[name="group"]')?.value
  return `${PREFIX}${viewerId}:${form.getAttribute('action') ?? ''}${group ? `:${group}` : ''}`
}

/** Saves a draft; deletes it if its text is empty. */
export function saveDraft(name: string, draft: Draft): void {
  attempt(() => {
    if (draft.text === '') localStorage.removeItem(name)
    else localStorage.setItem(name, JSON.stringify(draft))
  })
}

export function findDraft(name: string): Draft | null {
  return attempt(() => JSON.parse(localStorage.getItem(name) ?? 'null') as Draft | null) ?? null
}

export function deleteDraft(name: string): void {
  attempt(() => localStorage.removeItem(name))
}

/** Deletes all drafts when the viewer signs out, because the next person at this browser must not see them. */
export function deleteAllDrafts(): void {
  attempt(() => {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key)
  })
}

/** Ignores errors: the storage can be full or disabled. Drafts are then lost with the page. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
