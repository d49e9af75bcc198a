/**
 * What templates may compute. Every function is pure (no clock, no locale, no viewer but the one it is given), so that
 * the server and the browser render the same bytes; none returns markup, so that autoescape holds everywhere.
 */
import type { Me, PostView, UserView } from './views.ts'

export interface TextPart {
  text: string
  /** Set where the part is a link; always http or https. */
  href: string | null
}

/** Splits a text at its web addresses. The parts put together are the text. */
export function linkParts(text: string): TextPart[] {
  const parts: TextPart[] = []
  let end = 0
  for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"'`\\]+/gi)) {
    const href = withoutTrailingMarks(match[0])
    if (!URL.canParse(href)) continue
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: null })
    parts.push({ text: href, href })
    end = match.index + href.length
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null })
  return parts
}

/** A full stop or a closing bracket after an address belongs to the sentence, unless the bracket was opened in it. */
function withoutTrailingMarks(address: string): string {
  let unopened = count(address, ')') - count(address, '(')
  let end = address.length
  for (; end > 0; end--) {
    const last = address.charAt(end - 1)
    if (last === ')' && unopened > 0) unopened--
    else if (!'.,;:!?]}*_'.includes(last)) break
  }
  return address.slice(0, end)
}

function count(text: string, character: string): number {
  return text.split(character).length - 1
}

export interface LikersPart {
  /** What stands before the part: nothing, a comma or "and". */
  before: '' | ', ' | ' and '
  kind: 'you' | 'user' | 'others'
  user?: UserView
  count?: number
}

/** "You, Ann and 7 others": up to four are all named, of more three. */
export function likersLine(
  post: Pick<PostView, 'likers' | 'like_count'>,
  me: Me | null,
  liked: boolean,
): LikersPart[] {
  const room = (post.like_count > 4 ? 3 : 4) - (liked ? 1 : 0)
  const named = post.likers.filter((liker) => liker.id !== me?.id).slice(0, room)
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

/** Which of the eight tints a default picture has. 8 divides 1,000, so the last three digits decide. */
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

/** The first words of a text, for a page's title. */
export function excerpt(text: string): string {
  const characters = [...text.replace(/\s+/g, ' ').trim()]
  return characters.length > 60 ? characters.slice(0, 59).join('').trimEnd() + '…' : characters.join('')
}

/** For data- attributes: the quotes are escaped like all else that is put out. */
export function json(value: unknown): string {
  return JSON.stringify(value ?? null)
}

/** The filters by the names that templates call them. */
export const filters = {
  link_parts: linkParts,
  likers_line: likersLine,
  tint,
  initial,
  display_name: displayName,
  utc,
  with_commas: withCommas,
  excerpt,
  json,
}
