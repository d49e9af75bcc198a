import { renderElement, type Page } from '../page/page.ts'
import { restoreDraft } from './drafts.ts'
import { textField } from './fields.ts'

/** Opens the form for a comment below the post, with the draft from before. */
export function openReply(page: Page, link: Element): void {
  const form = showReply(page, link.closest<HTMLElement>('.post')!)
  const field = textField(form)
  field.focus({ preventScroll: true })
  form.scrollIntoView({ block: 'nearest', behavior: 'instant' })
  field.setSelectionRange(field.value.length, field.value.length)
}

/** Returns the form for a comment on a post; renders it if the page does not show it yet. */
export function showReply(page: Page, article: HTMLElement): HTMLFormElement {
  const shown =
    document.querySelector<HTMLFormElement>('#reply') ?? article.querySelector<HTMLFormElement>('.reply')
  if (shown) return shown
  const form = renderElement(page, 'reply', { post: { id: article.dataset.post } }) as HTMLFormElement
  article.querySelector('.post-main')?.append(form)
  restoreDraft(form, page.me?.id ?? '')
  return form
}
