import type { Page } from '../page/page.ts'
import { unsentForms } from './editing.ts'

/** Replaces a removed post by the texts that the reader has not sent, so that they can be copied. False if there are none. */
export function keepUnsent(article: HTMLElement): boolean {
  const forms = unsentForms(article)
  if (forms.length === 0) return false
  article.classList.add('gone')
  article.replaceChildren(noticeOf('This post was deleted. You can copy your text.'), ...forms)
  return true
}

/** Replaces all that the page shows by a message, except texts that the reader has not sent. */
export function replaceContent(page: Page, message: string): void {
  page.live?.classList.add('gone')
  page.live?.replaceChildren(noticeOf(message), ...unsentForms(page.live))
}

function noticeOf(message: string): HTMLElement {
  const notice = document.createElement('p')
  notice.className = 'empty'
  notice.setAttribute('role', 'status')
  notice.textContent = message
  return notice
}
