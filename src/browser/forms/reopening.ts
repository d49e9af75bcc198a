import { articleOf, type Page } from '../page/page.ts'
import { withScrollAnchor } from '../page/scroll-anchor.ts'
import { deleteDraftsBefore, draftNames, draftPath, findDraft } from './drafts.ts'
import { showEditor } from './editor.ts'
import { showReply } from './reply.ts'

/** How long a draft is kept, in ms: the draft of a comment on a post that was deleted is never shown again. */
const KEPT_MS = 60 * 24 * 60 * 60 * 1000

/** Opens the forms that contained a text when the page was left: comments, and edits of posts and comments. */
export function reopenForms(page: Page): void {
  const personId = page.me?.id ?? ''
  deleteDraftsBefore(personId, Date.now() - KEPT_MS)
  for (const name of draftNames(personId)) {
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
