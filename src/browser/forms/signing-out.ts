import { excerpt } from '../../shared/filters.ts'
import { confirm } from './confirm.ts'
import { deleteDrafts, draftNames, findDraft } from './drafts.ts'

/** Asks a person who has drafts before the sign-out deletes them: the next person at this browser must not see them. */
export async function confirmSignOut(form: HTMLFormElement, personId: string): Promise<void> {
  const names = draftNames(personId)
  const lost =
    names.length === 1
      ? `Your draft “${excerpt(findDraft(names[0]!)?.text ?? '')}” will be lost.`
      : `Your ${names.length} drafts will be lost.`
  if (!(await confirm(`${lost} Sign out?`, { yes: 'Sign out', no: 'Stay signed in' }))) return
  deleteDrafts(personId)
  form.submit()
}
