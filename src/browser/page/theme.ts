import { get, post, showError } from './api.ts'

/** Shows the theme of the pressed button at once, then asks the server to keep it in the cookie. */
export async function chooseTheme(button: HTMLElement): Promise<void> {
  const theme = button.dataset.theme ?? 'system'
  showTheme(theme)
  try {
    if (!document.querySelector('[name="csrf-token"]')) await fetchToken()
    await post('/theme', { theme })
  } catch (error) {
    showError(error)
  }
}

/** The public page of signed-out visitors has no token. */
async function fetchToken(): Promise<void> {
  document.head.append(Object.assign(document.createElement('meta'), { name: 'csrf-token' }))
  await get('/theme')
}

/** Shows the theme that the cookie has, which another tab may have changed. */
export function showStoredTheme(): void {
  showTheme(/(?:^|; )koafeed-theme=(light|dark)/.exec(document.cookie)?.[1] ?? 'system')
}

function showTheme(theme: string): void {
  const root = document.documentElement
  if (theme === 'system') delete root.dataset.bsTheme
  else root.dataset.bsTheme = theme
  const scheme = document.querySelector<HTMLMetaElement>('[name="color-scheme"]')
  if (scheme) scheme.content = theme === 'system' ? 'light dark' : theme
  document.querySelectorAll<HTMLMetaElement>('[name="theme-color"]').forEach((color, i) => {
    const own = ['light', 'dark'][i]
    color.media = theme === 'system' ? `(prefers-color-scheme: ${own})` : theme === own ? 'all' : 'not all'
  })
  const bars = document.querySelectorAll<HTMLMetaElement>('[name="theme-color"]')
  for (const [i, name] of ['light', 'dark'].entries()) {
    const media = theme === 'system' ? `(prefers-color-scheme: ${name})` : theme === name ? 'all' : 'not all'
    bars[i]?.setAttribute('media', media)
  }
  for (const button of document.querySelectorAll<HTMLElement>('.theme [data-theme]')) {
    button.setAttribute('aria-pressed', String(button.dataset.theme === theme))
  }
}
