/**
 * `npm run budgets` measures what a page may cost: the built files, and the home page with 30 posts in Chromium. Sizes and
 * counts over their limit make it fail, as they fail test/browser/budget.test.ts. Times are only printed.
 */
import { build } from '../../src/assets/build.ts'
import { closeChromium } from '../../test/support/browser/chromium.ts'
import { createDatabase, stopServer } from '../../test/support/database.ts'
import { startInstance, stopInstances } from '../../test/support/servers/instance.ts'
import { formatBudgets, isOver } from './budget.ts'
import { measureFiles } from './files.ts'
import { measureHomePage } from './home-page.ts'

const EVENTS = 1_000

try {
  await build()
  const { origin } = await startInstance({ databaseUrl: await createDatabase() })
  const figures = [...(await measureFiles()), ...(await measureHomePage({ origin, events: EVENTS }))]
  console.log(formatBudgets(figures))
  if (figures.some((figure) => figure.enforced && isOver(figure))) process.exitCode = 1
} finally {
  await closeChromium()
  await stopInstances()
  await stopServer()
}
