/**
 * `npm run screenshots` takes pictures of every page into docs/screenshots/: a new database with the demo data, both
 * themes, a desktop and a phone. With words as arguments it takes only pages whose names contain one of them.
 */
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { BrowserContext, Page } from 'playwright-core'
import sharp from 'sharp'
import { build } from '../../src/assets/build.ts'
import { createDb } from '../../src/db/pool.ts'
import { createWrite } from '../../src/db/write.ts'
import { fill } from '../../src/seed/fill.ts'
import { createPasswords } from '../../src/users/passwords.ts'
import { closeChromium, newContext } from '../support/browser/chromium.ts'
import { pageRoutes } from '../support/browser/pages.ts'
import { signIn } from '../support/browser/sign-in.ts'
import { createDatabase, stopServer } from '../support/database.ts'
import { password } from '../support/http.ts'
import { startInstance, stopInstances } from '../support/servers/instance.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
const wanted = process.argv.slice(2)

const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1.5 },
} as const
const THEMES = ['light', 'dark'] as const

interface Shot {
  name: string
  path: string
  /** Signed out if false. */
  isAnn?: boolean
  prepare?(page: Page): Promise<unknown>
}

try {
  await build()
  const database = await createDatabase()
  await seed(database)
  const { origin } = await startInstance({ databaseUrl: database })
  const shots = (await listShots(database)).filter(
    ({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)),
  )
  if (wanted.length === 0) await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const [device, options] of Object.entries(DEVICES)) {
    for (const colorScheme of THEMES) {
      await take(origin, shots, `${colorScheme}-${device}`, {
        ...options,
        colorScheme,
        reducedMotion: 'reduce',
      })
    }
  }
  console.log(`${(await readdir(folder)).length} pictures in docs/screenshots`)
} finally {
  await closeChromium()
  await stopInstances()
  await stopServer()
}

/** The demo data, and what it lacks: a request to join a group of Ann's, a picture, and an admin. */
async function seed(databaseUrl: string): Promise<void> {
  const db = await createDb(databaseUrl, { applicationName: 'screenshots' })
  await fill(createWrite(db), await createPasswords().hash(password))
  await db.end()
  await execute(databaseUrl, `update users set admin = true where username = 'ann'`)
  await execute(
    databaseUrl,
    `insert into group_owners (feed_id, user_id)
     select g.feed_id, u.id from groups g, users u where g.name = 'page_turners' and u.username = 'ann'
     on conflict do nothing`,
  )
  await execute(
    databaseUrl,
    `insert into group_requests (group_id, user_id)
     select g.id, u.id from groups g, users u where g.name = 'page_turners' and u.username in ('ben', 'carla')`,
  )
}

async function listShots(databaseUrl: string): Promise<Shot[]> {
  const [{ post }] = await execute<{ post: string }>(
    databaseUrl,
    `select p.id as post from posts p join users u on u.id = p.author_id where u.username = 'ann' and p.group_id is null
     order by (select count(*) from comments c where c.post_id = p.id) desc, p.id limit 1`,
  )
  const [{ comment }] = await execute<{ comment: string }>(
    databaseUrl,
    `select c.id as comment from comments c join users u on u.id = c.author_id where u.username = 'ann' order by c.id desc limit 1`,
  )
  const pathOf = (route: string) =>
    route
      .replace(':id', route.startsWith('/comments') ? comment : post)
      .replace(':username', 'ann')
      .replace(':name', 'page_turners')
  const own = pageRoutes().map((route) => ({ name: nameOf(route), path: pathOf(route), isAnn: true }))
  const fillIn = (fields: Record<string, string>) => async (page: Page) => {
    for (const [name, value] of Object.entries(fields)) await page.fill(`main [name=${name}]`, value)
    await page.locator('main form button.btn-primary').last().click()
    await page.locator('[aria-invalid]').first().waitFor()
  }
  return [
    ...own,
    { name: 'home-menu', path: '/', isAnn: true, prepare: (page) => page.locator('.bar-me').click() },
    {
      name: 'home-post-menu',
      path: `/users/ann`,
      isAnn: true,
      prepare: (page) => page.locator('.meta .dots').first().click(),
    },
    { name: 'home-reply', path: '/', isAnn: true, prepare: (page) => page.locator('.talk').first().click() },
    { name: 'home-editor', path: `/posts/${post}`, isAnn: true, prepare: openEditor },
    { name: 'user-other', path: '/users/wren', isAnn: true },
    { name: 'group-public', path: '/groups/sunday_walks', isAnn: true },
    { name: 'not-found', path: '/no-such-page', isAnn: true },
    { name: 'groups-new-error', path: '/groups/new', isAnn: true, prepare: fillIn({ title: '', name: '?' }) },
    { name: 'out-front', path: '/' },
    { name: 'out-public', path: '/public' },
    { name: 'out-login', path: '/login' },
    {
      name: 'out-login-error',
      path: '/login',
      prepare: fillIn({ username: 'nobody', password: 'wrong password' }),
    },
    { name: 'out-register', path: '/register' },
    { name: 'out-register-error', path: '/register', prepare: fillIn({ username: '?', password: 'short' }) },
    { name: 'out-theme', path: '/theme' },
    { name: 'out-post', path: `/posts/${post}` },
    { name: 'out-closed-group', path: '/groups/page_turners' },
  ]
}

async function openEditor(page: Page): Promise<void> {
  await page.locator('.meta .dots').click()
  await page.locator('.menu [data-do=edit]').click()
  await page.locator('.editor').waitFor()
}

/** `posts-edit` for `/posts/:id/edit`. */
function nameOf(route: string): string {
  return (
    route
      .split('/')
      .filter((part) => part !== '' && !part.startsWith(':'))
      .join('-') + (/:\w+$/.test(route) ? '-one' : '') || 'home'
  )
}

async function take(
  origin: string,
  shots: Shot[],
  suffix: string,
  options: Parameters<typeof newContext>[0],
): Promise<void> {
  const contexts = [await newContext(options), await newContext(options)] as const
  const ann = await signIn(contexts[0], origin, 'ann')
  const visitor = await contexts[1].newPage()
  for (const shot of shots) {
    const page = shot.isAnn ? ann : visitor
    if (!(await open(page, origin, shot))) continue
    await shot.prepare?.(page)
    const picture = await page.screenshot()
    await sharp(picture)
      .webp({ quality: 60, effort: 6 })
      .toFile(join(folder, `${shot.name}-${suffix}.webp`))
  }
  await Promise.all(contexts.map((context: BrowserContext) => context.close()))
}

/** Opens a page. Returns whether it is one: other routes redirect, or have no HTML. */
async function open(page: Page, origin: string, { path }: Shot): Promise<boolean> {
  const response = await page.goto(origin + path)
  const isHtml = response?.headers()['content-type']?.startsWith('text/html') ?? false
  return isHtml && new URL(page.url()).pathname === path
}

async function execute<Row extends pg.QueryResultRow>(
  databaseUrl: string,
  statement: string,
): Promise<[Row, ...Row[]]> {
  const connection = new pg.Client({ connectionString: databaseUrl })
  await connection.connect()
  try {
    return (await connection.query<Row>(statement)).rows as [Row, ...Row[]]
  } finally {
    await connection.end()
  }
}
