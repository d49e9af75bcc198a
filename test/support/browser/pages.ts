import { createRouters } from '../../../src/app.ts'
import type { Client } from '../http.ts'
import type { TestDatabase } from '../database.ts'

/** Values for the parameters of routes. */
export interface Samples {
  own: Subjects
  /** Of another person, which the viewer may report. */
  others: Subjects
  /** The name of a group that the viewer owns. */
  group: string
  report: string
}

export interface Subjects {
  username: string
  post: string
  comment: string
}

/** The paths of all GET routes that may have an HTML page, as the routers declare them. */
export function pageRoutes(): string[] {
  const never = null as never
  const routes = createRouters({ db: never, write: never, caches: never, publicFeed: never })
    .flatMap(({ stack }) => stack)
    .filter(({ methods }) => methods.includes('GET'))
    .map(({ path }) => String(path))
  return [...new Set(routes)].sort()
}

/** Replaces the parameters of a route. */
export function samplePath(route: string, { own, others, group, report }: Samples): string {
  const { username, post, comment } = /\/report$|^\/admin/.test(route) ? others : own
  const id = route.startsWith('/admin/reports') ? report : route.startsWith('/comments') ? comment : post
  if (route === '/reset-password') return `${route}?token=a%20token`
  return route.replace(':id', id).replace(':username', username).replace(':name', group)
}

/**
 * Fills a site with at least one of everything that a page can show, as Ann sees it: she is an admin, owns the private
 * group `garden` with a request to join, and is a member of `club`, which Bob owns.
 */
export async function fillPages(
  database: TestDatabase,
  { ann, bob, cleo, dora }: Record<'ann' | 'bob' | 'cleo' | 'dora', Client>,
): Promise<Samples> {
  await ann.post('/settings/profile', {
    name: 'Ann Lee',
    username: 'ann',
    bio: 'Bakes. https://bread.example/',
  })
  await ann.post('/users/bob/follow')
  await bob.post('/users/ann/follow')
  await bob.post('/users/cleo/follow')
  await bob.post('/groups', { name: 'club', title: 'The club', description: 'For all', visibility: 'public' })
  await ann.post('/groups/club/join')
  await cleo.post('/groups', { name: 'walks', title: 'Sunday walks', visibility: 'public' })
  await cleo.post('/groups', { name: 'closed', title: 'A closed circle', visibility: 'private' })
  await ann.post('/groups', { name: 'garden', title: 'Garden', description: 'Ours', visibility: 'private' })
  for (const person of [bob, cleo]) await person.post('/groups/garden/join')
  await ann.post('/groups/garden/requests/bob/accept')
  await ann.post('/posts', { body: 'Seeds arrived', group: 'garden' })
  for (let n = 1; n <= 11; n++)
    await bob.post('/posts', { body: `Note ${n}`, ...(n % 3 === 0 && { group: 'club' }) })
  const { post } = (await ann.post('/posts', { body: 'Fresh bread: https://bread.example/today' })).json
  let comment = ''
  for (let n = 1; n <= 8; n++) {
    const person = n % 2 ? ann : bob
    comment = (await person.post(`/posts/${post.id}/comments`, { body: `Comment ${n}, https://a.example/` }))
      .json.comment.id
  }
  comment = (await ann.post(`/posts/${post.id}/comments`, { body: 'A last one' })).json.comment.id
  await ann.post(`/comments/${comment}/edit`, { body: 'The last one' })
  for (const person of [ann, bob, cleo, dora]) {
    await person.post(`/posts/${post.id}/like`)
    await person.post(`/comments/${comment}/like`)
  }
  const { post: liked } = (await cleo.post('/posts', { body: 'From a stranger' })).json
  await bob.post(`/posts/${liked.id}/like`)
  const { post: own } = (await bob.post('/posts', { body: 'Mine' })).json
  const { comment: under } = (await bob.post(`/posts/${own.id}/comments`, { body: 'Also mine' })).json
  const { report } = (await cleo.post(`/posts/${own.id}/report`, { reason: 'An advertisement' })).json
  const { report: closed } = (await cleo.post('/users/bob/report', { reason: 'An advertisement' })).json
  await database.query(`update users set admin = true where username = 'ann'`)
  await ann.post(`/admin/reports/${closed.id}/dismiss`)
  await ann.post('/admin/invitations', { uses: 5, note: 'The neighbours' })
  await ann.post('/admin/names', { name: 'mayor' })
  await database.query(
    `insert into password_resets (hash, user_id, expires_at)
     select sha256('a token'), id, now() + interval '1 hour' from users where username = 'ann'`,
  )
  return {
    own: { username: 'ann', post: post.id, comment },
    others: { username: 'bob', post: own.id, comment: under.id },
    group: 'garden',
    report: report.id,
  }
}
