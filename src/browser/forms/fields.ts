/** The fields of the forms for posts, comments and edits. */
import { newKey } from '../page/page.ts'

export function textField(form: HTMLFormElement): HTMLTextAreaElement {
  return form.querySelector('textarea')!
}

export function keyField(form: HTMLFormElement): HTMLInputElement | null {
  return form.querySelector('[name="client_key"]')
}

/** The group of a post: a choice on the home page, a hidden field on the page of a group. */
export function groupField(form: HTMLFormElement): HTMLSelectElement | HTMLInputElement | null {
  return form.querySelector('[name="group"]')
}

/** Empties the text, and sets another `client_key`. */
export function clearForm(form: HTMLFormElement): void {
  const field = textField(form)
  field.value = ''
  // For the count of characters and the height.
  field.dispatchEvent(new Event('input', { bubbles: true }))
  const key = keyField(form)
  if (key) key.value = newKey()
}
