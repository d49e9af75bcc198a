/**
 * The filters of the templates. They use no clock and no locale, so that the server and the browser render the same
 * bytes. They return no markup, so that autoescape applies to everything.
 */
import type { FeedPostView, Me, PostView, UserView } from './views.ts'

export interface TextPart {
  text: string
  /** The rest of the part: it is on the page, but not visible. A copy and an editor have the whole text. */
  hidden: string
  /** The address if the part is a link, always http or https; otherwise null. */
  href: string | null
}

/** The most characters that a link shows of its address, with the ellipsis. */
const LINK_LENGTH = 40

/**
 * Splits a text into links and the text between them. Hides the end of a long address, and all blank lines of a row
 * except the first. All parts joined, with what they hide, are the same text again.
 */
export function textParts(text: string): TextPart[] {
  const parts: TextPart[] = []
  let end = 0
  for (const match of text.matchAll(/(?<![\w@])(?:https?:\/\/|www\.)[^\s<>"'`\\]+/gi)) {
    const address = withoutTrailingPunctuation(match[0])
    const href = toHref(address)
    if (href === null) continue
    parts.push(...plainParts(text.slice(end, match.index)), linkPart(address, href))
    end = match.index + address.length
  }
  return [...parts, ...plainParts(text.slice(end))]
}

/**
 * Null if there is no domain, or nothing after `www.` and a name. Does not use `URL`: Node and browsers disagree about
 * some domains, and then the server and the page would render different links.
 */
function toHref(address: string): string | null {
  if (/^https?:\/\/[^/?#.:@]/i.test(address)) return address
  return /^www\.[^/?#.:@]+\.[^/?#.:@]/i.test(address) ? `https://${address}` : null
}

function linkPart(address: string, href: string): TextPart {
  const characters = [...address]
  if (characters.length <= LINK_LENGTH) return { text: address, hidden: '', href }
  const shown = characters.slice(0, LINK_LENGTH - 1).join('')
  return { text: shown, hidden: address.slice(shown.length), href }
}

/** Each part ends with the first of several blank lines, and hides the others. */
function plainParts(text: string): TextPart[] {
  const parts: TextPart[] = []
  let end = 0
  for (const { 0: lines, index } of text.matchAll(/\n\s*\n/g)) {
    const shown = lines.indexOf('\n', 1) + 1
    if (shown === lines.length) continue
    parts.push({ text: text.slice(end, index + shown), hidden: lines.slice(shown), href: null })
    end = index + lines.length
  }
  if (end < text.length) parts.push({ text: text.slice(end), hidden: '', href: null })
  return parts
}

/** Punctuation at the end of an address belongs to the sentence. A closing bracket does not if the address opens it. */
function withoutTrailingPunctuation(address: string): string {
  let unmatched = count(address, ')') - count(address, '(')
  let end = address.length
  for (; end > 0; end--) {
    const last = address.charAt(end - 1)
    if (last === ')' && unmatched > 0) unmatched--
    else if (!'.,;:!?]}*_'.includes(last)) break
  }
  return address.slice(0, end)
}

function count(text: string, character: string): number {
  return text.split(character).length - 1
}

export interface LikersPart {
  /** The text before the part. */
  before: '' | ', ' | ' and '
  kind: 'you' | 'user' | 'others'
  user?: UserView
  count?: number
}

/** "You, Ann and 7 others": names up to four likers. If there are more, names three of them and counts the others. */
export function likersLine(
  post: Pick<PostView, 'likers' | 'like_count'>,
  me: Me | null,
  liked: boolean,
): LikersPart[] {
  const nameCount = (post.like_count > 4 ? 3 : 4) - (liked ? 1 : 0)
  const named = post.likers.filter((liker) => liker.id !== me?.id).slice(0, nameCount)
  const others = post.like_count - named.length - (liked ? 1 : 0)
  const parts: Omit<LikersPart, 'before'>[] = [
    ...(liked ? [{ kind: 'you' as const }] : []),
    ...named.map((user) => ({ kind: 'user' as const, user })),
    ...(others > 0 ? [{ kind: 'others' as const, count: others }] : []),
  ]
  return parts.map((part, i) => ({
    ...part,
    before: i === 0 ? '' : i === parts.length - 1 ? ' and ' : ', ',
  }))
}

export interface WhyLine {
  /** Null if the comment that moved the post was deleted later. */
  actor: UserView | null
  text: string
}

/**
 * The reason why a post is at its place on a page: "Ann liked this", "Ben commented on your post". Null if its author
 * posted it there and nothing has moved it. A comment moves a post up; it is the newest comment, which each card shows.
 */
export function whyLine(post: FeedPostView, me: Me | null): WhyLine | null {
  const { at, reason, actor } = post.entry
  const object = me?.id === post.author.id ? 'your post' : 'this'
  if (reason) return { actor, text: `${reason === 'liked' ? 'liked' : 'commented on'} ${object}` }
  if (at <= post.created_at) return null
  const comment = post.comments.find(({ created_at }) => created_at === at)
  return { actor: comment?.author ?? null, text: `commented on ${object}` }
}

/**
 * One of the eight background colors of a default picture. 8 divides 1,000, so the last three digits of the id suffice.
 */
export function tint(id: string): number {
  return Number(id.slice(-3)) % 8
}

/** The first letter of a name, for the default picture. */
export function initial(user: UserView): string {
  const [first = ''] = user.name.trim() || user.username
  return first.toUpperCase()
}

/** The name of a person, or the username if the name is empty. */
export function displayName(user: UserView): string {
  return user.name.trim() || user.username
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `2026-11-22T15:51:56.123456Z` as `22 Nov 2026, 15:51 UTC`. */
export function utc(time: string): string {
  const month = months[Number(time.slice(5, 7)) - 1] ?? ''
  return `${Number(time.slice(8, 10))} ${month} ${time.slice(0, 4)}, ${time.slice(11, 16)} UTC`
}

/** 12345 as `12,345`. */
export function withCommas(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** The start of a text, at most 60 characters, for the title of a page. */
export function excerpt(text: string): string {
  const characters = [...text.replace(/\s+/g, ' ').trim()]
  return characters.length > 60 ? characters.slice(0, 59).join('').trimEnd() + '…' : characters.join('')
}

/** JSON for a `data-` attribute. Autoescape escapes its quotes. */
export function json(value: unknown): string {
  return JSON.stringify(value ?? null)
}

/** The names of the filters in templates. */
export const filters = {
  text_parts: textParts,
  likers_line: likersLine,
  why_line: whyLine,
  tint,
  initial,
  display_name: displayName,
  utc,
  with_commas: withCommas,
  excerpt,
  json,
}
