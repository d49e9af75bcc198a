import { Unauthorized } from '../lib/errors.ts'
import type { Context } from './context.ts'

/**
 * Middleware: the script of a page sends in `X-As` the id of the person for whom the page was rendered. Somebody else may
 * have signed in since, in another tab: the page must neither show that person's data nor write as that person.
 * @throws Unauthorized if the session belongs to another person, or has ended
 */
export async function requireSameViewer(ctx: Context, next: () => Promise<unknown>): Promise<void> {
  const as = ctx.get('X-As')
  const { me } = ctx.state
  if (as !== '' && as !== me?.id) {
    throw me ? new Unauthorized('Somebody else has signed in. Please reload the page.') : new Unauthorized()
  }
  await next()
}
