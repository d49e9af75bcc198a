/** Drafts of posts, comments and edits, in the local storage of the browser. Each belongs to one person. */
import { groupField, keyField, textField } from './fields.ts'

export interface Draft {
  text: string
  /** The `client_key` of the form: with it, the server stores the text only once even if the form is sent twice. */
  key?: string | undefined
  /** The name of the group that the post is for. */
  group?: string | undefined
  /** When it was saved, in ms. */
  at?: number | undefined
  /** Of an edit: the text that the editor began with. */
  original?: string | undefined
}

const PREFIX = 'koafeed:draft:'

/** The names of a person's drafts in the storage. */
export function draftNames(personId: string): string[] {
  return attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(prefixOf(personId)))) ?? []
}

/** The path that the form of a draft posts to. */
export function draftPath(name: string): string {
  return name.slice(name.indexOf(':/') + 1)
}

export function findDraft(name: string): Draft | null {
  return attempt(() => JSON.parse(localStorage.getItem(name) ?? 'null') as Draft | null) ?? null
}

/** Saves what a form contains now; deletes the draft if there is nothing to keep. */
export function saveDraft(form: HTMLFormElement, personId: string): void {
  const text = textField(form).value
  const { original } = form.dataset
  const name = draftName(form, personId)
  const draft: Draft = {
    text,
    key: keyField(form)?.value,
    group: groupField(form)?.value,
    original,
    at: Date.now(),
  }
  attempt(() => {
    if (text === (original ?? '')) localStorage.removeItem(name)
    else localStorage.setItem(name, JSON.stringify(draft))
  })
}

/** Shows the draft of a form that has no text yet. */
export function restoreDraft(form: HTMLFormElement, personId: string): void {
  const draft = findDraft(draftName(form, personId))
  const field = textField(form)
  if (!draft || field.value !== '') return
  field.value = draft.text
  const key = keyField(form)
  if (key && draft.key) key.value = draft.key
  const group = groupField(form)
  // A draft for a private group must not become a public post.
  if (group instanceof HTMLSelectElement) group.value = draft.group ?? ''
}

export function deleteDraft(form: HTMLFormElement, personId: string): void {
  attempt(() => localStorage.removeItem(draftName(form, personId)))
}

/** Deletes the drafts of a person who signs out. Those of other people at this browser stay. */
export function deleteDrafts(personId: string): void {
  for (const name of draftNames(personId)) attempt(() => localStorage.removeItem(name))
}

/** Deletes the drafts of a person that were saved before `time`, in ms. */
export function deleteDraftsBefore(personId: string, time: number): void {
  for (const name of draftNames(personId))
    if ((findDraft(name)?.at ?? 0) < time) attempt(() => localStorage.removeItem(name))
}

/** One name per person, form and, on the page of a group, group. */
function draftName(form: HTMLFormElement, personId: string): string {
  const group = form.querySelector<HTMLInputElement>('input[name="group"]')?.value
  return `${prefixOf(personId)}${form.getAttribute('action')}${group ? `:${group}` : ''}`
}

function prefixOf(personId: string): string {
  return `${PREFIX}${personId}:`
}

/** Ignores errors: the storage can be full or disabled. Drafts are then lost with the page. */
function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
