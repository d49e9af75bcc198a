import Router from '@koa/router'
import { START } from '../db/pagination.ts'
import type { Db } from '../db/pool.ts'
import { listFollowing } from '../follows/follows.ts'
import { listMyGroupNames } from '../groups/my-groups.ts'
import { Invalid } from '../lib/errors.ts'
import type { MyPlaces } from '../shared/pages.ts'
import type { Me } from '../shared/views.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { queryText } from '../web/paths.ts'
import { page, viewerId } from '../web/responses.ts'
import { listDirectory } from './people.ts'
import { searchPeople } from './search.ts'

/** The directory of people, and the search for them. Phones find here what other screens show beside the home page. */
export function peopleRoutes({ db }: { db: Db }) {
  const router = new Router<ContextState, ContextExtension>()

  router.get('/people', async (ctx) => {
    const query = toQuery(queryText(ctx.query, 'q'))
    const before = queryText(ctx.query, 'before')
    const viewer = viewerId(ctx)
    const [listed, mine] = await Promise.all([
      query ? searchPeople(db, viewer, query, before) : listDirectory(db, viewer, before),
      readMyPlaces(db, ctx.state.me),
    ])
    page(ctx, 'people/people.njk', { q: query, ...listed, ...mine })
  })

  return router
}

/** @throws Invalid if no name can contain this text. */
function toQuery(typed = ''): string {
  if (typed.includes('\0')) throw new Invalid({ q: 'No name contains these characters' })
  return typed.replace(/\s+/gu, ' ').trim().replace(/^@/, '')
}

async function readMyPlaces(db: Db, me: Me | null): Promise<MyPlaces> {
  if (!me) return { following: [], groups: [], more_groups: false }
  const [{ people: following }, groups] = await Promise.all([
    listFollowing(db, me.id, me, START),
    listMyGroupNames(db, me),
  ])
  return { following, ...groups }
}
