import Bowser from 'bowser'

/**
 * Names the browser and the system of a User-Agent header, for instance "Firefox on Linux". A client that is not a
 * known browser gets the first word of its header.
 */
export function browserName(userAgent: string): string {
  const [firstWord] = /^[\w.-]{1,30}/.exec(userAgent) ?? []
  // bowser throws if the header is empty, and copies any name from a header that it does not know.
  if (firstWord === undefined) return 'Unknown browser'
  const parser = Bowser.getParser(userAgent)
  const browser = parser.getBrowserName() || firstWord
  const system = parser.getOSName()
  return system ? `${browser} on ${system}` : browser
}
