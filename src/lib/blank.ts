const BLANK = String.raw`\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}\u2800\ufff9-\ufffb\u{1d159}\u{16fe4}`
const ONLY_BLANK = new RegExp(`^[${BLANK}]*$`, 'u')
const BLANK_START = new RegExp(`^[${BLANK}]+`, 'u')
const BLANK_CHARACTER = new RegExp(`^[${BLANK}]$`, 'u')

/**
 * Whether a text shows nothing: white space, control and format characters, variation selectors, fillers. Unicode counts
 * some blank characters (such as U+2800 BRAILLE PATTERN BLANK) as visible; they are named one by one.
 */
export function isBlank(text: string): boolean {
  return ONLY_BLANK.test(text)
}

/** Removes blank characters on both sides. Only for ASCII text: it would cut the last part of an emoji. */
export function trimBlank(text: string): string {
  const characters = [...text.replace(BLANK_START, '')]
  while (BLANK_CHARACTER.test(characters.at(-1) ?? '')) characters.pop()
  return characters.join('')
}
