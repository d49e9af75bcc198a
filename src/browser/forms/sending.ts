import { asRefused, post, signIn, type Refused } from '../page/api.ts'
import { showAnswer, type Sent } from './answers.ts'
import { draftName, dropDraft, findDraft, keepDraft } from './drafts.ts'
import type { Feed } from '../feed/feed.ts'
import { groupOf, keyOf, textOf } from './forms.ts'
import { newKey, type Page } from '../page/page.ts'
import { say } from '../page/status.ts'

/** Sends what a form holds. Until the server has it, it stays in the form, and sending it again is harmless. */
export async function send(page: Page, feed: Feed, form: HTMLFormElement): Promise<void> {
  if (form.classList.contains('busy')) return
  const field = textOf(form)
  const body = field.value
  const key = keyOf(form)
  // Another text is another thing to say, even if the one before it failed.
  if (key && form.dataset.sent !== undefined && form.dataset.sent !== body) key.value = newKey()
  form.dataset.sent = body
  form.classList.add('busy')
  field.readOnly = true
  showError(form, null)
  try {
    const path = form.getAttribute('action') ?? ''
    const group = groupOf(form)?.value
    const answer = await post<Sent>(path, {
      body,
      ...(key && { client_key: key.value }),
      ...(group && { group }),
    })
    dropDraft(draftName(form, page.me?.id ?? ''))
    delete form.dataset.sent
    showAnswer(page, feed, form, answer)
  } catch (error) {
    const refused = asRefused(error)
    // The key has sent another text before, from another tab, say.
    if (key && refused.fields.client_key) key.value = newKey()
    showError(form, refused)
  } finally {
    form.classList.remove('busy')
    field.readOnly = false
  }
}

/** Beside the field, told to screen readers; the button then says what it does now. */
function showError(form: HTMLFormElement, refused: Refused | null): void {
  const field = textOf(form)
  const button = form.querySelector('button')
  form.querySelector('.field-error')?.remove()
  field.removeAttribute('aria-invalid')
  field.removeAttribute('aria-describedby')
  if (button) button.textContent = button.dataset.says ??= button.textContent
  if (!refused) return
  const line = document.createElement('p')
  line.className = 'field-error'
  line.id = `${field.id}-refused`
  line.setAttribute('role', 'alert')
  const signedOut = refused.status === 401 || refused.status === 403
  say(line, refused.fields.body ?? refused.message, signedOut ? signIn() : undefined)
  field.after(line)
  field.setAttribute('aria-invalid', 'true')
  field.setAttribute('aria-describedby', line.id)
  if (button && refused.status !== 422) button.textContent = 'Retry'
  if (refused.status === 422) field.focus({ preventScroll: true })
}

/** Keeps what is typed into a form across a reload, and brings it back. */
export function useDraft(page: Page, form: HTMLFormElement): void {
  if (form.dataset.send === 'edit') return
  const name = draftName(form, page.me?.id ?? '')
  const field = textOf(form)
  const key = keyOf(form)
  const group = groupOf(form)
  const draft = findDraft(name)
  if (draft && field.value === '') {
    field.value = draft.text
    if (key) key.value = draft.key
    // What was meant for a few must not come back as something for everybody.
    if (group instanceof HTMLSelectElement) group.value = draft.group ?? ''
  }
  const keep = (): void =>
    keepDraft(name, { text: field.value, key: key?.value ?? '', group: group?.value ?? '' })
  field.addEventListener('input', keep)
  group?.addEventListener('change', keep)
}
