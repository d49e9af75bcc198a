/** What runs on the page with the profile's form, besides `main.ts`. */
import { toast } from '../page/status.ts'

let shown = ''

useUpload()

/** The form with a picture: shows the chosen file before it is sent, how far it has got, and a way to stop it. */
function useUpload(): void {
  const form = document.querySelector<HTMLFormElement>('form[data-upload]')
  const file = form && fileOf(form)
  if (!form || !file) return
  file.addEventListener('change', () => preview(form, file.files?.[0]))
  form.addEventListener('submit', (event) => {
    // Without a file there is nothing to wait for.
    if (!file.files?.length) return
    event.preventDefault()
    if (!form.classList.contains('busy')) send(form)
  })
}

function preview(form: HTMLFormElement, file: File | undefined): void {
  const old = form.querySelector<HTMLElement>('[data-preview] .pic')
  if (!old || !file) return
  URL.revokeObjectURL(shown)
  shown = URL.createObjectURL(file)
  const image = Object.assign(new Image(75, 75), { src: shown, alt: '', className: 'pic' })
  image.addEventListener('error', () => image.replaceWith(old))
  old.replaceWith(image)
}

/** fetch tells no progress of what it sends. */
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
  request.addEventListener('load', () => showAnswer(form, request))
  request.addEventListener('error', () => toast('No connection. Nothing is lost: try again.'))
  request.addEventListener('abort', () => toast('The upload was cancelled.'))
  request.addEventListener('loadend', () => {
    cancel.removeEventListener('click', stop)
    show(false)
  })
  const stop = () => request.abort()
  cancel.addEventListener('click', stop)
  show(true)
  request.send(new FormData(form))

  function show(busy: boolean): void {
    line.hidden = !busy
    bar.value = 0
    form.classList.toggle('busy', busy)
  }
}

/** The server's own page, as it comes without a script too; a good file that was chosen stays chosen. */
function showAnswer(form: HTMLFormElement, { responseText, responseURL }: XMLHttpRequest): void {
  const answer = new DOMParser().parseFromString(responseText, 'text/html')
  const fresh = answer.querySelector<HTMLFormElement>('form[data-upload]')
  if (!fresh) {
    if (new URL(responseURL).pathname === new URL(form.action).pathname)
      toast(answer.querySelector('h1')?.textContent ?? 'The server did not answer.')
    else location.assign(responseURL)
    return
  }
  const refused = answer.querySelector('[role="alert"]:not(.toasts)') !== null
  if (refused && !fileOf(fresh)?.hasAttribute('aria-invalid')) fileOf(fresh)?.replaceWith(fileOf(form)!)
  for (const part of ['main', '.bar-me']) {
    const [old, next] = [document.querySelector(part), answer.querySelector(part)]
    if (old && next) old.replaceWith(document.adoptNode(next))
  }
  useUpload()
  const wrong = document.querySelector<HTMLElement>('main [aria-invalid]')
  if (wrong) return wrong.focus()
  document.querySelector('main')?.focus({ preventScroll: true })
  window.scrollTo({ top: 0, behavior: 'instant' })
}

function fileOf(form: HTMLFormElement): HTMLInputElement | null {
  return form.querySelector('[type="file"]')
}
