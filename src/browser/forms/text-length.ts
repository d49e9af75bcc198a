import { withCommas } from '../../shared/filters.ts'

/** The part of the limit from which the number of characters is shown. */
const SHOWN_FROM = 0.9

/** Shows how long the text of a field is if it is close to the limit, and lets the field grow with its text. */
export function showLength(field: HTMLTextAreaElement): void {
  grow(field)
  const max = Number(field.dataset.max)
  if (!max) return
  // The server counts code points.
  const length = [...field.value].length
  const count = countOf(field)
  count.hidden = length < max * SHOWN_FROM
  const [shown, spoken] = count.children
  shown!.textContent = `${withCommas(length)} of ${withCommas(max)}`
  count.classList.toggle('too-long', length > max)
  const announcement = messageFor(max - length)
  if (spoken!.textContent !== announcement) spoken!.textContent = announcement
}

/** Screen readers do not announce each character. */
function messageFor(left: number): string {
  if (left < 0) return 'The text is too long.'
  return left <= 100 ? 'Up to 100 more characters are possible.' : ''
}

/** The element with the count: beside the button of the form, or below the field. */
function countOf(field: HTMLTextAreaElement): HTMLElement {
  const shown = document.getElementById(`${field.id}-length`)
  if (shown) return shown
  const count = document.createElement('span')
  count.className = 'hint length'
  count.id = `${field.id}-length`
  count.innerHTML = '<span></span> <span class="visually-hidden" role="status"></span>'
  const button = field.closest('[data-send]')?.querySelector('.form-foot button')
  if (button) button.before(count)
  else field.after(count)
  field.dataset.length = ''
  return count
}

/** For browsers without `field-sizing`. */
function grow(field: HTMLTextAreaElement): void {
  if (CSS.supports('field-sizing', 'content')) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`
}
