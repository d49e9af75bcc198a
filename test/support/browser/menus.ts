import type { Locator, Page } from 'playwright-core'

/** Chooses an action in the menu of a post. */
export async function choose(post: Locator, action: 'Edit' | 'Delete' | 'Copy link'): Promise<void> {
  await post.locator('.meta .dots').click()
  await post.locator('.menu').getByRole('link', { name: action }).click()
}

/** Signs out with the account menu. */
export async function signOut(page: Page): Promise<void> {
  await page.locator('.bar-me').click()
  await page.getByRole('button', { name: 'Sign out' }).click()
}
