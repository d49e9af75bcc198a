/** The elements that contain a text and its editor. */
export const EDITABLE = '.comment, .post-main'
export const TEXT = ':scope > .comment-text, :scope > .post-text'

/** Warns in each open editor whose text was changed elsewhere. The text in the editor stays. */
export function warnEditors(article: Element): void {
  for (const form of article.querySelectorAll<HTMLFormElement>('.editor')) {
    const text = form.parentElement?.querySelector(TEXT)?.textContent
    if (text === undefined || text === form.dataset.original || form.matches('.outdated')) continue
    form.classList.add('outdated')
    const warning = document.createElement('p')
    warning.className = 'hint'
    warning.setAttribute('role', 'status')
    warning.textContent = 'This has changed meanwhile. If you save, you replace the text above.'
    form.prepend(warning)
  }
}

/** The comments and edits below `root` whose text has not been sent. */
export function unsentForms(root: Element): HTMLFormElement[] {
  const forms = [...root.querySelectorAll<HTMLFormElement>('form.reply, form.editor')]
  return forms.filter((form) => {
    const text = form.querySelector('textarea')?.value ?? ''
    return text.trim() !== '' && text !== form.dataset.original
  })
}
