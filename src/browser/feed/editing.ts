import { renderElement, type Page } from '../page/page.ts'

const HOLDER = '.comment, .post-main'
export const TEXT = ':scope > .comment-text, :scope > .post-text'

/** Opens the form that changes a post or a comment where its text stands. */
export function openEditor(page: Page, link: HTMLAnchorElement): void {
  const holder = link.closest<HTMLElement>(HOLDER)
  const text = holder?.querySelector<HTMLElement>(TEXT)
  if (!holder || !text || holder.querySelector(':scope > .editor')) return
  const body = text.textContent
  const action = new URL(link.href).pathname
  const key = action.split('/').slice(1, 3).join('-')
  const form = renderElement(page, 'editor', { key, action, cancel: location.pathname, body })
  form.dataset.original = body
  text.after(form)
  const field = form.querySelector('textarea')
  field?.focus({ preventScroll: true })
  field?.setSelectionRange(body.length, body.length)
}

export function closeEditor(form: Element): void {
  const holder = form.closest(HOLDER)
  form.remove()
  holder?.querySelector<HTMLElement>('[data-do="edit"]')?.focus({ preventScroll: true })
}

/** An editor is never overwritten; it says so when what it edits was changed elsewhere. */
export function warnEditors(article: Element): void {
  for (const form of article.querySelectorAll<HTMLFormElement>('.editor')) {
    const now = form.parentElement?.querySelector(TEXT)?.textContent
    if (now === undefined || now === form.dataset.original || form.querySelector('.changed')) continue
    const note = document.createElement('p')
    note.className = 'hint changed'
    note.setAttribute('role', 'status')
    note.textContent = 'This was changed elsewhere meanwhile. Saving replaces that.'
    form.prepend(note)
  }
}
