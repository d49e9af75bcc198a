import { post, signInLink, toRequestError, type RequestError } from '../page/api.ts'
import { applyResponse, type FormResponse } from './apply-response.ts'
import { deleteDraft } from './drafts.ts'
import type { Feed } from '../feed/feed.ts'
import { groupField, keyField, textField } from './fields.ts'
import { newKey, type Page } from '../page/page.ts'
import { setMessage } from '../page/status.ts'

/** Sends a post, a comment or an edit. The text stays in the form until the server has stored it. */
export async function send(page: Page, feed: Feed, form: HTMLFormElement): Promise<void> {
  if (form.classList.contains('busy')) return
  const field = textField(form)
  const body = field.value
  const key = keyField(form)
  // After a failed request, a changed text needs another key: the server may have stored the first text.
  if (key && form.dataset.sent !== undefined && form.dataset.sent !== body) key.value = newKey()
  form.dataset.sent = body
  form.classList.add('busy')
  field.readOnly = true
  showFormError(form, null)
  try {
    const path = form.getAttribute('action') ?? ''
    const group = groupField(form)?.value
    const response = await post<FormResponse>(path, {
      body,
      ...(key && { client_key: key.value }),
      ...(group && { group }),
    })
    deleteDraft(form, page.me?.id ?? '')
    delete form.dataset.sent
    applyResponse(page, feed, form, response)
  } catch (thrown) {
    const error = toRequestError(thrown)
    // The key has been used for another text, for example in another tab.
    if (key && error.fields.client_key) key.value = newKey()
    showFormError(form, error)
  } finally {
    form.classList.remove('busy')
    field.readOnly = false
  }
}

/** Shows an error below the text field and announces it to screen readers; null removes it. */
function showFormError(form: HTMLFormElement, error: RequestError | null): void {
  const field = textField(form)
  const button = form.querySelector('button')
  form.querySelector('.field-error')?.remove()
  field.removeAttribute('aria-invalid')
  field.removeAttribute('aria-describedby')
  if (button) button.textContent = button.dataset.label ??= button.textContent
  if (!error) return
  const line = document.createElement('p')
  line.className = 'field-error'
  line.id = `${field.id}-error`
  line.setAttribute('role', 'alert')
  const canSignIn = error.status === 401 || error.status === 403
  setMessage(line, error.fields.body ?? error.message, canSignIn ? signInLink() : undefined)
  field.after(line)
  field.setAttribute('aria-invalid', 'true')
  field.setAttribute('aria-describedby', line.id)
  if (button && error.status !== 422) button.textContent = 'Retry'
  if (error.status !== 422) return
  field.focus({ preventScroll: true })
  field.addEventListener('input', () => showFormError(form, null), { once: true })
}
