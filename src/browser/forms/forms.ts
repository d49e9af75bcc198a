import type { Feed } from '../feed/feed.ts'
import { loadModule } from '../page/load-module.ts'
import type { Page } from '../page/page.ts'
import { deleteDraft, draftNames, restoreDraft, saveDraft } from './drafts.ts'

/** Works on all browsers except Firefox and older ones. */
const growsByItself = CSS.supports('field-sizing', 'content')

/** What the links of `data-do` do. */
const ACTIONS = {
  reply: () => import('./reply.ts'),
  edit: () => import('./editor.ts'),
  delete: () => import('./deleting.ts'),
}

/** The forms of the page, and the links that open forms. What few visits need is loaded at its first use. */
export function attachForms(page: Page, feed: Feed) {
  const personId = page.me?.id ?? ''

  for (const form of document.querySelectorAll<HTMLFormElement>('form[data-send]'))
    restoreDraft(form, personId)
  if (page.live && draftNames(personId).length > 0)
    void loadModule(() => import('./reopening.ts')).then((module) => module?.reopenForms(page))

  document.addEventListener('focusin', ({ target }) => {
    if (!page.live) return
    const element = target as HTMLElement
    const form = element.closest('form[data-send]')
    form?.classList.add('open')
    // A module that is needed soon, so that nobody waits for it.
    const next = form ? () => import('./sending.ts') : ACTIONS[element.dataset.do as keyof typeof ACTIONS]
    next?.().catch(() => {})
  })

  document.addEventListener('input', ({ target }) => {
    const field = target as HTMLTextAreaElement
    const form = field.closest<HTMLFormElement>('form[data-send]')
    if (form) saveDraft(form, personId)
    if (isNearLimit(field) || !growsByItself)
      void loadModule(() => import('./text-length.ts')).then((module) => module?.showLength(field))
  })

  document.addEventListener('change', ({ target }) => {
    const field = target as HTMLInputElement
    if (field.type === 'file')
      void loadModule(() => import('./photo.ts')).then((module) => module?.choosePhoto(field))
  })

  document.addEventListener('keydown', (event) => {
    const field = event.target as Element
    const form = field.closest<HTMLFormElement>('form')
    if (!form || !field.matches('textarea, [data-send] *')) return
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
    else if (event.key === 'Escape' && !event.isComposing && form.matches('.post .reply, .post .editor'))
      cancel(form)
  })

  function cancel(form: HTMLFormElement): void {
    void loadModule(() => import('./cancelling.ts'), form).then((module) =>
      module?.cancelForm(form, personId),
    )
  }

  return {
    /** Sends a form in the background. Returns false if the browser has to send it. */
    submit(form: HTMLFormElement): boolean {
      if (form.matches('[data-send]')) {
        // A page without a stream cannot show the result. The server shows the text again if it refuses it.
        if (!page.live) deleteDraft(form, personId)
        else
          void loadModule(() => import('./sending.ts'), form).then((module) => module?.send(page, feed, form))
        return page.live !== null
      }
      if (form.matches('[data-logout]')) {
        if (draftNames(personId).length === 0) return false
        void loadModule(() => import('./signing-out.ts'), form).then((module) =>
          module?.confirmSignOut(form, personId),
        )
        return true
      }
      const file = form.querySelector<HTMLInputElement>('[type="file"]')
      if (!file?.files?.length) return false
      void loadModule(() => import('./photo.ts'), form).then((module) => module?.sendWithPhoto(form))
      return true
    },

    /** Follows a link that opens or closes a form, or deletes something. */
    async click(link: HTMLAnchorElement, { byKeyboard }: { byKeyboard: boolean }): Promise<void> {
      const { do: action } = link.dataset
      if (action === 'reply') (await loadModule(ACTIONS.reply, link))?.openReply(page, link)
      else if (action === 'edit') (await loadModule(ACTIONS.edit, link))?.openEditor(page, link)
      else if (action === 'cancel') cancel(link.closest('form')!)
      else if (action === 'delete')
        await (await loadModule(ACTIONS.delete, link))?.deleteAtOnce(page, feed, link, { byKeyboard })
    },
  }
}

/** Whether the text is close to the limit, or was. A character has up to two of JavaScript's units. */
function isNearLimit({ value, dataset }: HTMLElement & { value?: string }): boolean {
  return dataset.length !== undefined || (value ?? '').length >= Number(dataset.max) * 0.9
}
