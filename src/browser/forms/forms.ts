import { newKey } from '../page/page.ts'

/** The parts of the forms that send text. */

export function textOf(form: HTMLFormElement): HTMLTextAreaElement {
  return form.querySelector('textarea')!
}

export function keyOf(form: HTMLFormElement): HTMLInputElement | null {
  return form.querySelector('[name="client_key"]')
}

/** Where a post goes: chosen, or given by the page. */
export function groupOf(form: HTMLFormElement): HTMLSelectElement | HTMLInputElement | null {
  return form.querySelector('[name="group"]')
}

/** Ready for the next text. */
export function clearForm(form: HTMLFormElement): void {
  textOf(form).value = ''
  const key = keyOf(form)
  if (key) key.value = newKey()
}
