const BLANK = String.raw`\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\u2800\ufff9-\ufffb\u{1d159}\u{16fe4}`
const ONLY_BLANK = new RegExp(`^[${BLANK}]*$`, 'u')
const BLANK_START = new RegExp(`^[${BLANK}]+`, 'u')
const BLANK_CHARACTER = new RegExp(`^[${BLANK}]$`, 'u')

/**
 * Whether a text has only invisible characters: white space, control and format characters, variation selectors,
 * fillers. BLANK lists some characters one by one, because Unicode classifies them as visible (U+2800 BRAILLE PATTERN
 * BLANK).
 */
export function isBlank(text: string): boolean {
  return ONLY_BLANK.test(text)
}

/** Removes blank characters at the start and end. Only for ASCII text: it could remove the last part of an emoji. */
export function trimBlank(text: string): string {
  const characters = [...text.replace(BLANK_START, '')]
  while (BLANK_CHARACTER.test(characters.at(-1) ?? '')) characters.pop()
  return characters.join('')
}
