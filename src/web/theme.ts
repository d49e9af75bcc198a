import { z } from 'zod'
import type { Theme } from '../shared/pages.ts'
import type { Context } from './context.ts'

export const ThemeInput = z.object({
  theme: z.enum(['light', 'dark', 'system'], 'Please choose light, dark or system'),
})

/** Readable by the script of the page, which applies the choice of another tab. */
const COOKIE = 'koafeed-theme'
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** Returns the theme in the visitor's cookie. Any other value of the cookie counts as `system`. */
export function readTheme(ctx: Pick<Context, 'cookies'>): Theme {
  const value = ctx.cookies.get(COOKIE, { signed: false })
  return value === 'light' || value === 'dark' ? value : 'system'
}

export function setTheme(ctx: Context, theme: Theme): void {
  ctx.state.theme = theme
  ctx.cookies.set(COOKIE, theme === 'system' ? null : theme, {
    signed: false,
    httpOnly: false,
    sameSite: 'lax',
    path: '/',
    maxAge: YEAR_MS,
    overwrite: true,
  })
}
