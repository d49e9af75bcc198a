/** In order: some browsers also send the names of others, so the more specific pattern comes first. */
const BROWSERS: [RegExp, string][] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]

const SYSTEMS: [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

/**
 * Names the browser and the system of a User-Agent header, for instance "Firefox on Linux". A client that is not a
 * known browser gets the first word of its header.
 */
export function browserName(userAgent: string): string {
  const browser = findName(BROWSERS, userAgent) ?? (/^[\w.-]{1,30}/.exec(userAgent)?.[0] || 'Unknown browser')
  const system = findName(SYSTEMS, userAgent)
  return system ? `${browser} on ${system}` : browser
}

function findName(names: [RegExp, string][], userAgent: string): string | undefined {
  return names.find(([pattern]) => pattern.test(userAgent))?.[1]
}
