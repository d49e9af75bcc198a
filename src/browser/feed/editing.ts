import { renderElement, type Page } from '../page/page.ts'

/** The elements that contain a text and its editor. */
const EDITABLE = '.comment, .post-main'
export const TEXT = ':scope > .comment-text, :scope > .post-text'

/** Opens an editor for the text of a post or a comment, below that text. */
export function openEditor(page: Page, link: HTMLAnchorElement): void {
  const item = link.closest<HTMLElement>(EDITABLE)
  const text = item?.querySelector<HTMLElement>(TEXT)
  if (!item || !text || item.querySelector(':scope > .editor')) return
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

/** Closes an editor, and moves the focus to the link that opens it, or to the button of the menu with that link. */
export function closeEditor(form: Element): void {
  const item = form.closest(EDITABLE)
  form.remove()
  const openers = [...(item?.querySelectorAll<HTMLElement>('.dots, [data-do="edit"]') ?? [])]
  openers.find((opener) => opener.checkVisibility())?.focus({ preventScroll: true })
}

/** Warns in each open editor whose text was changed elsewhere. The text in the editor stays. */
export function warnEditors(article: Element): void {
  for (const form of article.querySelectorAll<HTMLFormElement>('.editor')) {
    const text = form.parentElement?.querySelector(TEXT)?.textContent
    if (text === undefined || text === form.dataset.original || form.querySelector('.changed')) continue
    const warning = document.createElement('p')
    warning.className = 'hint changed'
    warning.setAttribute('role', 'status')
    warning.textContent = 'This was changed elsewhere. If you save, you overwrite that change.'
    form.prepend(warning)
  }
}
