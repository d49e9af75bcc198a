import { withScrollAnchor } from '../page/scroll-anchor.ts'
import { confirm } from './confirm.ts'
import { deleteDraft } from './drafts.ts'
import { closeEditor } from './editor.ts'
import { textField } from './fields.ts'

/** Closes an editor or the form for a comment. Asks first if its text would be lost. */
export async function cancelForm(form: HTMLFormElement, personId: string): Promise<void> {
  const isEditor = form.matches('.editor')
  const field = textField(form)
  if (field.value !== (form.dataset.original ?? '')) {
    const question = isEditor ? 'Discard your changes?' : 'Discard your comment?'
    if (!(await confirm(question, { yes: 'Discard', no: 'Keep writing' })))
      return field.focus({ preventScroll: true })
  }
  deleteDraft(form, personId)
  withScrollAnchor(() => {
    if (isEditor) return closeEditor(form)
    // The post was deleted, and only the text was left.
    if (form.matches('.gone > :last-child')) return form.parentElement?.remove()
    const link = form.closest('.post')?.querySelector<HTMLElement>('[data-do="reply"]')
    form.remove()
    link?.focus({ preventScroll: true })
  })
}
