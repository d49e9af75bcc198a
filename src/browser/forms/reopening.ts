import { articleOf, type Page } from '../page/page.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'
import { draftNames, draftPath, findDraft } from './drafts.ts'
import { showEditor } from './editor.ts'
import { showReply } from './reply.ts'

/** Opens the forms that contained a text when the page was left: comments, and edits of posts and comments. */
export function reopenForms(page: Page): void {
  for (const name of draftNames(page.me?.id ?? '')) {
    const path = draftPath(name)
    const article = articleOf(/^\/posts\/(\d+)\/comments$/.exec(path)?.[1] ?? '')
    const link = document.querySelector<HTMLAnchorElement>(
      `#live [data-do="edit"][href="${CSS.escape(path)}"]`,
    )
    withScrollAnchor(() => {
      if (article) showReply(page, article)
      if (link) showEditor(page, link, findDraft(name) ?? undefined)
    })
  }
}
