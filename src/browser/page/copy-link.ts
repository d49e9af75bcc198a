import { toast } from './status.ts'

/** Copies the address of a post. If the browser does not allow it, goes there. */
export async function copyLink({ href }: HTMLAnchorElement): Promise<void> {
  // The clipboard exists only on https and localhost. It may be refused.
  const copied = await navigator.clipboard?.writeText(href).then(
    () => true,
    () => false,
  )
  if (copied) toast('Link copied')
  else location.assign(href)
}
