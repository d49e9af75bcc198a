import { toast } from '../page/status.ts'

let previewUrl = ''

/** Shows a preview of the chosen picture, the progress of the upload, and a button that cancels it. */
export function attachUpload(form: HTMLFormElement): void {
  const file = fileField(form)
  if (!file) return
  file.addEventListener('change', () => preview(form, file.files?.[0]))
  form.addEventListener('submit', (event) => {
    // Without a file, the browser sends the form.
    if (!file.files?.length) return
    event.preventDefault()
    if (!form.classList.contains('busy')) send(form)
  })
}

function preview(form: HTMLFormElement, file: File | undefined): void {
  const old = form.querySelector<HTMLElement>('[data-preview] .pic')
  if (!old || !file) return
  URL.revokeObjectURL(previewUrl)
  previewUrl = URL.createObjectURL(file)
  const image = Object.assign(new Image(75, 75), { src: previewUrl, alt: '', className: 'pic' })
  image.addEventListener('error', () => image.replaceWith(old))
  old.replaceWith(image)
}

/** Sends the form by XMLHttpRequest, because `fetch` does not report the progress of an upload. */
function send(form: HTMLFormElement): void {
  const line = form.querySelector<HTMLElement>('[data-progress]')!
  const bar = line.querySelector('progress')!
  const cancel = line.querySelector('button')!
  const request = new XMLHttpRequest()
  request.open('POST', form.action)
  request.setRequestHeader('Accept', 'text/html')
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    bar.value = total ? (loaded / total) * 100 : 0
  })
  request.addEventListener('load', () => showResponse(form, request))
  request.addEventListener('error', () => toast('No connection. Please try again.'))
  request.addEventListener('abort', () => toast('The upload was cancelled.'))
  request.addEventListener('loadend', () => {
    cancel.removeEventListener('click', abort)
    setBusy(false)
  })
  const abort = () => request.abort()
  cancel.addEventListener('click', abort)
  setBusy(true)
  request.send(new FormData(form))

  function setBusy(busy: boolean): void {
    line.hidden = !busy
    bar.value = 0
    form.classList.toggle('busy', busy)
  }
}

/**
 * Shows the page that the server returned. If it refused another field than the file, the chosen file stays in the
 * form. If it returned no form, goes to the page that it redirected to, or shows its error message.
 */
function showResponse(form: HTMLFormElement, { responseText, responseURL }: XMLHttpRequest): void {
  const response = new DOMParser().parseFromString(responseText, 'text/html')
  const fresh = response.querySelector<HTMLFormElement>('form[data-upload]')
  if (!fresh) {
    if (new URL(responseURL).pathname === new URL(form.action).pathname)
      toast(response.querySelector('h1')?.textContent ?? 'The server did not respond.')
    else location.assign(responseURL)
    return
  }
  const refused = response.querySelector('[role="alert"]:not(.toasts)') !== null
  if (refused && !fileField(fresh)?.hasAttribute('aria-invalid'))
    fileField(fresh)?.replaceWith(fileField(form)!)
  for (const part of ['main', '.bar-me']) {
    const [old, next] = [document.querySelector(part), response.querySelector(part)]
    if (old && next) old.replaceWith(document.adoptNode(next))
  }
  const shown = document.querySelector<HTMLFormElement>('form[data-upload]')
  if (shown) attachUpload(shown)
  const invalid = document.querySelector<HTMLElement>('main [aria-invalid]')
  if (invalid) return invalid.focus()
  document.querySelector('main')?.focus({ preventScroll: true })
  window.scrollTo({ top: 0, behavior: 'instant' })
}

function fileField(form: HTMLFormElement): HTMLInputElement | null {
  return form.querySelector('[type="file"]')
}
