/**
 * The names that `LIMITS` accepts. Rate limits refer to them; `streams` and `queries` limit concurrency.
 */
export const LIMIT_NAMES = [
  'signins',
  'signups',
  'posts',
  'edits',
  'likes',
  'follows',
  'groups',
  'joins',
  'moderation',
  'reports',
  'profiles',
  'renames',
  'uploads',
  'streams',
  'queries',
] as const

export type LimitName = (typeof LIMIT_NAMES)[number]

/** Numbers that replace the built-in limits (0: no such limit), or `off` for no limits at all. */
export type Limits = 'off' | Partial<Record<LimitName, number>>
