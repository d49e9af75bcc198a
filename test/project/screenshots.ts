/**
 * `npm run screenshots` takes pictures of every page into docs/screenshots/: a new database with the demo data, both
 * themes, a desktop and a phone. With words as arguments it takes only pages whose names contain one of them.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
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
import { pageRoutes, samplePath, type Samples, type Subjects } from '../support/browser/pages.ts'
import { signIn } from '../support/browser/sign-in.ts'
import { createDatabase, stopServer } from '../support/database.ts'
import { client, password } from '../support/http.ts'
import { startInstance, stopInstances } from '../support/servers/instance.ts'

const folder = join(import.meta.dirname, '../../docs/screenshots')
const wanted = process.argv.slice(2)

const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true },
} as const
const THEMES = ['light', 'dark'] as const

interface Shot {
  name: string
  path: string
  /** Signed out if false. */
  isAnn?: boolean
  /** The status, if the page is that of an error. */
  status?: number
  prepare?(page: Page): Promise<unknown>
}

try {
  await build()
  const database = await createDatabase()
  await seed(database)
  const { origin } = await startInstance({ databaseUrl: database })
  const shots = listShots(await findSamples(database, origin)).filter(
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
  const files = (await readdir(folder)).filter((file) => file.endsWith('.webp'))
  await writeFile(join(folder, 'README.md'), gallery(files))
  console.log(`${files.length} pictures in docs/screenshots`)
} finally {
  await closeChromium()
  await stopInstances()
  await stopServer()
}

/** A page that shows all pictures, those of a page in one row. */
function gallery(files: string[]): string {
  const suffixes = Object.keys(DEVICES).flatMap((device) => THEMES.map((theme) => `${theme}-${device}.webp`))
  const names = new Set(files.map((file) => file.replace(/-(light|dark)-\w+\.webp$/, '')))
  const rows = [...names].toSorted().map((name) => {
    const pictures = suffixes
      .map((suffix) => `${name}-${suffix}`)
      .filter((file) => files.includes(file))
      .map(
        (file) => `<img src="${file}" height="220" alt="${file.replace('.webp', '').replaceAll('-', ' ')}">`,
      )
    return `**${name}**\n\n${pictures.join(' ')}`
  })
  return `# Pictures of every page\n\n\`npm run screenshots\` takes them. Names with \`out\` are pages of signed-out visitors.\n\n${rows.join('\n\n')}\n`
}

/** The demo data, and what it lacks: an admin, requests to join a group of Ann's, and a report. */
async function seed(databaseUrl: string): Promise<void> {
  const db = await createDb(databaseUrl, { applicationName: 'screenshots' })
  await fill(createWrite(db), await createPasswords().hash(password))
  await db.end()
  await execute(
    databaseUrl,
    `update users set admin = true where username = 'ann';
     insert into group_owners (feed_id, user_id)
     select g.feed_id, u.id from groups g, users u where g.name = 'page_turners' and u.username = 'ann'
     on conflict do nothing;
     insert into group_requests (group_id, user_id)
     select g.id, u.id from groups g, users u where g.name = 'page_turners' and u.username in ('ben', 'carla')`,
  )
}

/** The posts and comments of the samples are those with the most comments, and the newest ones. */
async function findSamples(databaseUrl: string, origin: string): Promise<Samples> {
  const subjectsOf = async (username: string): Promise<Subjects> => {
    const [{ post, comment }] = await execute<{ post: string; comment: string }>(
      databaseUrl,
      `select
         (select p.id from posts p where p.author_id = u.id and p.group_id is null
          order by (select count(*) from comments c where c.post_id = p.id) desc, p.id limit 1) as post,
         (select max(c.id) from comments c where c.author_id = u.id) as comment
       from users u where u.username = '${username}'`,
    )
    return { username, post, comment }
  }
  const [own, others] = [await subjectsOf('ann'), await subjectsOf('wren')]
  const ben = client(origin)
  await ben.login('ben')
  const { report } = (await ben.post(`/posts/${others.post}/report`, { reason: 'I hoped for fewer birds.' }))
    .json
  return { own, others, group: 'page_turners', report: (report as { id: string }).id }
}

function listShots(samples: Samples): Shot[] {
  const { post } = samples.own
  const own = pageRoutes().map((route) => ({
    name: nameOf(route),
    path: samplePath(route, samples),
    isAnn: true,
  }))
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
    { name: 'not-found', path: '/no-such-page', isAnn: true, status: 404 },
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
    { name: 'out-closed-group', path: '/groups/page_turners', status: 404 },
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
      .resize({ width: 960, withoutEnlargement: true })
      .webp({ quality: 38, effort: 6 })
      .toFile(join(folder, `${shot.name}-${suffix}.webp`))
  }
  await Promise.all(contexts.map((context: BrowserContext) => context.close()))
}

/** Opens a page. Returns whether it can be shown: other routes redirect, need a token, or have no HTML. */
async function open(page: Page, origin: string, { path, status = 200 }: Shot): Promise<boolean> {
  const response = await page.goto(origin + path)
  const isHtml = response?.headers()['content-type']?.startsWith('text/html') ?? false
  return isHtml && response?.status() === status && new URL(page.url()).pathname === path
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
