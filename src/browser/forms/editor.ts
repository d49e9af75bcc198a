import { EDITABLE, TEXT, warnEditors } from '../feed/editing.ts'
import { renderElement, type Page } from '../page/page.ts'
import type { Draft } from './drafts.ts'
import { textField } from './fields.ts'

/** Opens an editor for the text of a post or a comment, below that text. */
export function openEditor(page: Page, link: HTMLAnchorElement): void {
  const form = showEditor(page, link)
  if (!form) return
  const field = textField(form)
  field.focus({ preventScroll: true })
  field.setSelectionRange(field.value.length, field.value.length)
}

/** Shows an editor with the text of the page, or with a draft. Null if one is open. */
export function showEditor(page: Page, link: HTMLAnchorElement, draft?: Draft): HTMLFormElement | null {
  const item = link.closest<HTMLElement>(EDITABLE)
  const text = item?.querySelector<HTMLElement>(TEXT)
  if (!item || !text || item.querySelector(':scope > .editor')) return null
  const action = new URL(link.href).pathname
  const form = renderElement(page, 'editor', {
    key: action.split('/').slice(1, 3).join('-'),
    action,
    cancel: location.pathname,
    body: draft?.text ?? text.textContent,
    max: item.matches('.comment') ? 2000 : 5000,
  }) as HTMLFormElement
  form.dataset.original = draft?.original ?? text.textContent
  text.after(form)
  warnEditors(item)
  return form
}

/** Closes an editor, and moves the focus to the link that opens it, or to the button of the menu with that link. */
export function closeEditor(form: Element): void {
  const item = form.closest(EDITABLE)
  form.remove()
  const openers = [...(item?.querySelectorAll<HTMLElement>('.dots, [data-do="edit"]') ?? [])]
  openers.find((opener) => opener.checkVisibility())?.focus({ preventScroll: true })
}
