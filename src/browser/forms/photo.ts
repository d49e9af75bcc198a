import { toast } from '../page/status.ts'

/** The side of the largest square that the server makes of a picture (`LARGEST` in src/pictures/images.ts), in pixels. */
const SIDE = 400
const WAIT_MS = 60_000
const SUPPORTED = 'Choose a JPEG, PNG, WebP or GIF picture.'

/** The photo that was chosen last. Resolves when the field contains the small picture, or an error is shown. */
let reading = Promise.resolve()
let previewUrl = ''

/**
 * Replaces the chosen photo by a small square, which the form then sends: photos of phones have 10 MB, and their
 * location. Shows a preview, or why this browser cannot read the file.
 */
export function choosePhoto(field: HTMLInputElement): void {
  const file = field.files?.[0]
  showError(field, null)
  if (file) reading = readPhoto(field, file)
}

async function readPhoto(field: HTMLInputElement, file: File): Promise<void> {
  const small = await shrink(file).catch(() => null)
  // Another file may have been chosen meanwhile.
  if (field.files?.[0] !== file) return
  if (small === null) {
    field.value = ''
    return showError(field, await refusal(file))
  }
  const transfer = new DataTransfer()
  transfer.items.add(small)
  field.files = transfer.files
  showPreview(field, small)
}

/** Returns the centre of a photo as an upright square. Safari cannot encode WebP, and returns PNG instead. */
async function shrink(file: File): Promise<File> {
  const photo = await createImageBitmap(file)
  const side = Math.min(photo.width, photo.height)
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = Math.min(side, SIDE)
  const context = canvas.getContext('2d')!
  context.imageSmoothingQuality = 'high'
  const left = (photo.width - side) / 2
  const top = (photo.height - side) / 2
  context.drawImage(photo, left, top, side, side, 0, 0, canvas.width, canvas.height)
  photo.close()
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/webp', 0.9))
  if (!blob) throw new Error('The picture cannot be encoded')
  return new File([blob], file.name, { type: blob.type })
}

/** HEIC is the format of iPhones; only Safari can read it. */
async function refusal(file: File): Promise<string> {
  const brand = await file.slice(4, 12).text()
  const isHeic = /^ftyp(hei|hev|mif1|msf1)/.test(brand) || /\.hei[cf]$/i.test(file.name)
  return `${isHeic ? 'This browser cannot read HEIC photos.' : 'This browser cannot read this file.'} ${SUPPORTED}`
}

/** Shows an error beside the field, instead of its hint; null shows the hint again. */
function showError(field: HTMLInputElement, message: string | null): void {
  const hint = field.parentElement?.querySelector<HTMLElement>('.hint')
  document.getElementById(`${field.id}-error`)?.remove()
  if (hint) hint.hidden = message !== null
  if (message === null) {
    field.removeAttribute('aria-invalid')
    field.setAttribute('aria-describedby', hint?.id ?? '')
    return
  }
  const line = document.createElement('p')
  line.className = 'field-error'
  line.id = `${field.id}-error`
  line.setAttribute('role', 'alert')
  line.textContent = message
  field.after(line)
  field.setAttribute('aria-invalid', 'true')
  field.setAttribute('aria-describedby', line.id)
  field.focus({ preventScroll: true })
}

function showPreview(field: HTMLInputElement, picture: File): void {
  const shown = field.form?.querySelector('[data-preview] .pic')
  URL.revokeObjectURL(previewUrl)
  previewUrl = URL.createObjectURL(picture)
  shown?.replaceWith(Object.assign(new Image(75, 75), { src: previewUrl, alt: '', className: 'pic' }))
}

/** Sends a form with a photo. By `fetch`, because the browser would drop the chosen file if another field is refused. */
export async function sendWithPhoto(form: HTMLFormElement): Promise<void> {
  if (form.classList.contains('busy')) return
  form.classList.add('busy')
  try {
    await reading
    if (fileField(form)?.hasAttribute('aria-invalid')) return
    const response = await fetch(form.action, {
      method: 'POST',
      headers: { Accept: 'text/html' },
      body: new FormData(form),
      signal: AbortSignal.timeout(WAIT_MS),
    })
    showResponse(form, response, await response.text())
  } catch {
    toast('No connection. Please try again.')
  } finally {
    form.classList.remove('busy')
  }
}

/**
 * Shows the page that the server returned. If it refused another field than the file, the chosen file stays in the
 * form. If it returned no form, goes to the page that it redirected to, or shows its error message.
 */
function showResponse(form: HTMLFormElement, { url }: Response, text: string): void {
  const response = new DOMParser().parseFromString(text, 'text/html')
  const fresh = response.querySelector<HTMLFormElement>(`form[action="${form.getAttribute('action')}"]`)
  if (!fresh) {
    if (new URL(url).pathname === new URL(form.action).pathname)
      toast(response.querySelector('h1')?.textContent ?? 'The server did not respond.')
    else location.assign(url)
    return
  }
  const isRefused = response.querySelector('main [role="alert"]') !== null
  const field = fileField(fresh)
  if (isRefused && field && !field.hasAttribute('aria-invalid')) {
    field.files = fileField(form)!.files
    const [preview, old] = [fresh, form].map((each) => each.querySelector('[data-preview] .pic'))
    if (preview && old) preview.replaceWith(old)
  }
  for (const part of ['main', '.bar-me']) {
    const [old, next] = [document.querySelector(part), response.querySelector(part)]
    if (old && next) old.replaceWith(document.adoptNode(next))
  }
  const wrong = document.querySelector<HTMLElement>('main [aria-invalid], main .problem')
  if (wrong) return wrong.focus()
  document.querySelector('main')?.focus({ preventScroll: true })
  window.scrollTo({ top: 0, behavior: 'instant' })
}

function fileField(form: HTMLFormElement): HTMLInputElement | null {
  return form.querySelector('[type="file"]')
}
