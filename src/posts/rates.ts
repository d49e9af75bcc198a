import { HOUR, type Rate } from '../web/limits/throttle.ts'

export const POST_RATE: Rate = { key: 'posts', limit: 'posts', max: 300, seconds: 3 * HOUR }

/** For edits of posts and comments together. */
export const EDIT_RATE: Rate = { key: 'edits', limit: 'edits', max: 300, seconds: 3 * HOUR }
