import type { Feed } from '../feed/feed.ts'
import { loadModule } from '../page/load-module.ts'
import type { Page } from '../page/page.ts'
import { deleteDraft, draftNames, restoreDraft, saveDraft } from './drafts.ts'

/** What the links of `data-do` do. */
const ACTIONS = {
  reply: () => import('./reply.ts'),
  edit: () => import('./editor.ts'),
  delete: () => import('./deleting.ts'),
}

/** Firefox does not have it. */
const canGrow = CSS.supports('field-sizing', 'content')

/** The forms of the page, and the links that open forms. What few visits need is loaded at its first use. */
export function attachForms(page: Page, feed: Feed) {
  const personId = page.me?.id ?? ''
  restoreDrafts(page, personId)
  document.addEventListener('input', ({ target }) => fieldChanged(target as Element, personId))
  document.addEventListener('keydown', (event) => keyPressed(event, personId))
  if (page.live) document.addEventListener('focusin', ({ target }) => prepare(target as HTMLElement))

  function sendText(form: HTMLFormElement): boolean {
    if (page.live)
      void use(
        () => import('./sending.ts'),
        (module) => module.send(page, feed, form),
        form,
      )
    // This page cannot show the result. If the server refuses the text, it shows it again.
    else deleteDraft(form, personId)
    return page.live !== null
  }

  return {
    /** Sends a form in the background. Returns false if the browser has to send it. */
    submit(form: HTMLFormElement): boolean {
      if (form.matches('[data-send]')) return sendText(form)
      if (form.matches('[data-logout]')) return signOut(form, personId)
      return sendPhoto(form)
    },

    /** Follows a link that opens or closes a form, or deletes something. */
    click(link: HTMLAnchorElement, { byKeyboard }: { byKeyboard: boolean }): void {
      const { do: action } = link.dataset
      if (action === 'reply') void use(ACTIONS.reply, (module) => module.openReply(page, link), link)
      else if (action === 'edit') void use(ACTIONS.edit, (module) => module.openEditor(page, link), link)
      else if (action === 'cancel') cancel(link.closest('form')!, personId, link)
      else if (action === 'delete')
        void use(ACTIONS.delete, (module) => module.deleteAtOnce(page, feed, link, { byKeyboard }), link)
    },
  }
}

function restoreDrafts(page: Page, personId: string): void {
  for (const form of document.querySelectorAll<HTMLFormElement>('form[data-send]'))
    restoreDraft(form, personId)
  if (page.live && draftNames(personId).length > 0)
    void use(
      () => import('./reopening.ts'),
      (module) => module.reopenForms(page),
    )
}

/** Loads what is needed soon, so that nobody waits for it. */
function prepare(element: HTMLElement): void {
  const form = element.closest('form[data-send]')
  form?.classList.add('open')
  const load = form ? () => import('./sending.ts') : ACTIONS[element.dataset.do as keyof typeof ACTIONS]
  load?.().catch(() => {})
}

function fieldChanged(field: Element, personId: string): void {
  const form = field.closest<HTMLFormElement>('form[data-send]')
  if (form) saveDraft(form, personId)
  if (field instanceof HTMLInputElement && field.type === 'file')
    void use(
      () => import('./photo.ts'),
      (module) => module.choosePhoto(field),
    )
  if (field instanceof HTMLTextAreaElement && (isNearLimit(field) || !canGrow))
    void use(
      () => import('./text-length.ts'),
      (module) => module.showLength(field),
    )
}

/** Whether the text is close to the limit, or was. A character has up to two of JavaScript's units. */
function isNearLimit({ value, dataset }: HTMLTextAreaElement): boolean {
  return dataset.length !== undefined || value.length >= Number(dataset.max) * 0.9
}

function keyPressed(event: KeyboardEvent, personId: string): void {
  const field = event.target as Element
  const form = field.closest<HTMLFormElement>('form')
  if (!form || !field.matches('textarea, [data-send] *')) return
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
  else if (event.key === 'Escape' && !event.isComposing && form.matches('.post .reply, .post .editor'))
    cancel(form, personId)
}

function cancel(form: HTMLFormElement, personId: string, link?: HTMLAnchorElement): void {
  void use(
    () => import('./cancelling.ts'),
    (module) => module.cancelForm(form, personId),
    link,
  )
}

function signOut(form: HTMLFormElement, personId: string): boolean {
  if (draftNames(personId).length === 0) return false
  void use(
    () => import('./signing-out.ts'),
    (module) => module.confirmSignOut(form, personId),
    form,
  )
  return true
}

function sendPhoto(form: HTMLFormElement): boolean {
  if (!form.querySelector<HTMLInputElement>('[type="file"]')?.files?.length) return false
  void use(
    () => import('./photo.ts'),
    (module) => module.sendWithPhoto(form),
    form,
  )
  return true
}

/** Loads a module, and does something with it. See `loadModule` for `fallback`. */
async function use<T>(
  load: () => Promise<T>,
  act: (module: T) => unknown,
  fallback?: HTMLAnchorElement | HTMLFormElement,
): Promise<void> {
  const module = await loadModule(load, fallback)
  if (module) await act(module)
}
