import Router from '@koa/router'
import { parseBefore } from '../db/pagination.ts'
import { EmptyBody, read } from '../web/body.ts'
import type { Db, Write } from '../db/pool.ts'
import { done, backOr, redirectRenamed, page, requireMe, viewerId } from '../web/responses.ts'
import { queryText } from '../web/paths.ts'
import { DAY, type Rate, type Throttle } from '../web/limits/throttle.ts'
import type { ContextExtension, ContextState } from '../web/context.ts'
import { getUser, toUserView } from '../users/users.ts'
import { followUser, listFollowers, listFollowing, unfollowUser } from './follows.ts'

const FOLLOW_RATE: Rate = { key: 'follows', limit: 'follows', max: 400, seconds: DAY }

/** Follow and unfollow, and the lists of followers and followed people. */
export function followRoutes({ db, write, throttle }: { db: Db; write: Write; throttle: Throttle }) {
  const router = new Router<ContextState, ContextExtension>()

  router.post('/users/:username/follow', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    const user = await getUser(db, ctx.params.username!)
    await throttle(FOLLOW_RATE, me.id)
    const person = await followUser({ db, write }, me, user)
    const to = backOr(ctx, `/users/${user.username}`)
    done(ctx, { to, flash: `Followed ${user.username}`, json: { user: person } })
  })

  router.post('/users/:username/unfollow', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    const user = await getUser(db, ctx.params.username!)
    const person = await unfollowUser({ db, write }, me, user)
    const to = backOr(ctx, `/users/${user.username}`)
    done(ctx, { to, flash: `Unfollowed ${user.username}`, json: { user: person } })
  })

  router.get('/users/:username/followers', async (ctx) => {
    const user = await getUser(db, ctx.params.username!)
    if (redirectRenamed(ctx, user)) return
    const before = parseBefore(queryText(ctx.query, 'before'))
    const people = await listFollowers(db, viewerId(ctx), user, before)
    page(ctx, 'users/people.njk', { user: toUserView(user), list: 'followers', ...people })
  })

  router.get('/users/:username/following', async (ctx) => {
    const user = await getUser(db, ctx.params.username!)
    if (redirectRenamed(ctx, user)) return
    const before = parseBefore(queryText(ctx.query, 'before'))
    const people = await listFollowing(db, viewerId(ctx), user, before)
    page(ctx, 'users/people.njk', { user: toUserView(user), list: 'following', ...people })
  })

  return router
}
