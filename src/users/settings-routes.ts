import Router from '@koa/router'
import { z } from 'zod'
import { EmptyBody, read, readWithFile } from '../web/body.ts'
import { TooMany } from '../lib/errors.ts'
import { done, nextOr, page, requireMe, seeOther } from '../web/responses.ts'
import type { Images } from '../pictures/images.ts'
import { getId } from '../web/paths.ts'
import { withoutDeadline } from '../db/deadline.ts'
import { getVisitorData, setVisitorData } from '../web/visitor-session.ts'
import type { Limiter } from '../lib/limiter.ts'
import { createKeyedSlots } from '../lib/slots.ts'
import { HOUR, MINUTE, type Rate } from '../web/limits/throttle.ts'
import type { RouteContext, ContextExtension, ContextState } from '../web/context.ts'
import type { Me } from '../shared/views.ts'
import type { AccountDeps } from './accounts.ts'
import { changePassword, confirmPassword } from './authentication.ts'
import { deleteAccount, deleteAccountRows } from './deletion.ts'
import { setDeviceCookie } from './devices.ts'
import { isPasswordUsername, currentPassword, newPassword, PASSWORD_IS_USERNAME } from './new-password.ts'
import { getProfileValues, ProfileInput, updateProfile } from './profile.ts'
import { endOtherSessions, endOwnSession, listSessions } from './sessions.ts'
import { signOut } from './sign-in.ts'

const PROFILE_RATE: Rate = { key: 'profiles', limit: 'profiles', max: 60, seconds: HOUR }
const UPLOAD_RATE: Rate = { key: 'uploads', limit: 'uploads', max: 30, seconds: 30 * MINUTE }

export interface SettingsDeps extends AccountDeps {
  images: Images
  /** Limits how many uploads the instance reads at the same time. */
  uploads: Limiter
}

/** Concurrent uploads per person; each takes up to 5 MB of memory. */
const UPLOADS_PER_PERSON = 2

const PasswordInput = z.object({
  old_password: currentPassword('Please enter your password'),
  password: newPassword('Please enter a new password'),
})

const AccountInput = z.object({ password: currentPassword('Please enter your password') })

/** The settings pages: profile, password, sessions, account. */
export function settingsRoutes(deps: SettingsDeps) {
  const { db, write, throttle, images, uploads } = deps
  const uploadSlots = createKeyedSlots({ size: UPLOADS_PER_PERSON, waiting: 0, createError: tooManyUploads })
  const router = new Router<ContextState, ContextExtension>()

  router.get('/settings', (ctx) => {
    requireMe(ctx)
    seeOther(ctx, '/settings/profile')
  })

  router.get('/settings/profile', async (ctx) => {
    const me = requireMe(ctx)
    const values = await getProfileValues(db, me)
    page(ctx, 'settings/profile.njk', { user: { ...me, bio: values.bio }, values, errors: {} })
  })

  router.post('/settings/profile', async (ctx) => {
    const me = requireMe(ctx)
    if (!ctx.is('multipart')) return saveProfile(ctx, me)
    const release = await uploadSlots.take(me.id, 0)
    try {
      await saveProfile(ctx, me)
    } finally {
      release()
    }
  })

  async function saveProfile(ctx: RouteContext, me: Me): Promise<void> {
    const values = await getProfileValues(db, me)
    const form = {
      template: 'settings/profile.njk' as const,
      context: { user: { ...me, bio: values.bio }, values },
    }
    const { input, file } = await readWithFile(ctx, ProfileInput, form, { name: 'avatar', limiter: uploads })
    // After the form has been read, so that it is shown again with what was typed.
    await throttle(PROFILE_RATE, me.id)
    if (file) await throttle(UPLOAD_RATE, me.id)
    const picture = file && (await images.makeSquares(file, 'avatar'))
    const user = await updateProfile(deps, me, input, picture)
    Object.assign(me, user)
    if (getVisitorData(ctx).welcome) setVisitorData(ctx, { welcome: false })
    done(ctx, { to: nextOr(ctx, '/settings/profile'), flash: 'Profile updated', json: { user } })
  }

  router.get('/settings/password', (ctx) => {
    requireMe(ctx)
    page(ctx, 'settings/password.njk', { errors: {} })
  })

  router.post('/settings/password', async (ctx) => {
    const me = requireMe(ctx)
    const schema = PasswordInput.refine(({ password }) => !isPasswordUsername(me.username, password), {
      error: PASSWORD_IS_USERNAME,
      path: ['password'],
    })
    const { old_password, password } = await read(ctx, schema, { template: 'settings/password.njk' })
    const session = ctx.state.session ?? '0'
    const proof = { password: old_password, field: 'old_password', session }
    const version = await confirmPassword(deps, me, proof)
    const password_version = await changePassword(deps, me, { password, version, session })
    setDeviceCookie(ctx, { id: me.id, password_version })
    ctx.state.log.info({ event: 'password changed', user: me.id }, 'password changed')
    const flash = 'Password changed. You are signed out everywhere else.'
    done(ctx, { to: '/settings/password', flash, json: {} })
  })

  router.get('/settings/sessions', async (ctx) => {
    const sessions = await listSessions(db, requireMe(ctx), ctx.state.session ?? '0')
    page(ctx, 'settings/sessions.njk', { sessions })
  })

  router.post('/settings/sessions/end', async (ctx) => {
    const me = requireMe(ctx)
    await read(ctx, EmptyBody)
    await endOtherSessions(write, me, ctx.state.session ?? '0')
    ctx.state.log.info({ event: 'sessions ended', user: me.id }, 'sessions ended')
    done(ctx, { to: '/settings/sessions', flash: 'You are signed out everywhere else', json: {} })
  })

  router.post('/settings/sessions/:id/end', async (ctx) => {
    const me = requireMe(ctx)
    const id = getId(ctx.params)
    await read(ctx, EmptyBody)
    await endOwnSession(write, me, id)
    ctx.state.log.info({ event: 'session ended', user: me.id }, 'session ended')
    done(ctx, { to: '/settings/sessions', flash: 'The other browser is signed out', json: {} })
  })

  router.get('/settings/account', (ctx) => {
    requireMe(ctx)
    page(ctx, 'settings/account.njk', { errors: {} })
  })

  router.post('/settings/account', async (ctx) => {
    const me = requireMe(ctx)
    const { password } = await read(ctx, AccountInput, { template: 'settings/account.njk' })
    const proof = { password, field: 'password', session: ctx.state.session ?? '0' }
    const version = await confirmPassword(deps, me, proof)
    await deleteAccount(write, me, version)
    // The response does not wait for the deletion of the rows, and the deadline of the request does not apply to it.
    void withoutDeadline(() => deleteAccountRows(write, ctx.state.log))
    ctx.state.log.info({ event: 'account deleted', user: me.id }, 'account deleted')
    signOut(ctx, me)
    done(ctx, { to: '/', flash: 'Your account has been deleted', json: {} })
  })

  return router
}

function tooManyUploads(): TooMany {
  return new TooMany('Please wait until your other uploads have finished.', 5, 'uploads')
}
