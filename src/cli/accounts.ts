import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { logEntries } from '../admin/actor.ts'
import { createAdminToken, makeAdmin, removeAdmin } from '../admin/admins.ts'
import { deleteUser, suspendUser, unsuspendUser } from '../admin/suspension.ts'
import { sql } from '../db/pool.ts'
import { newSecret } from '../lib/secrets.ts'
import { createPasswordReset } from '../recovery/recovery.ts'
import { insertUser, RegisterInput } from '../users/accounts.ts'
import { createPasswords } from '../users/passwords.ts'
import { getUser, type UserRow } from '../users/users.ts'
import { linkTo, type CommandSite } from './site.ts'

/** Runs a command on the site. */
export type Run = (work: (site: CommandSite) => Promise<void>) => Promise<void>

const LINK_HOURS = 24
const MAX_LINK_HOURS = 24 * 14

/** The commands that create accounts and change what they may do. */
export function addAccountCommands(program: Command, run: Run): void {
  program
    .command('create-user')
    .description('Create an account, and print a link with which its owner sets the password.')
    .argument('<username>')
    .option('--admin', 'make the account an admin')
    .option('--password-stdin', 'read the password from standard input instead of printing a link')
    .action((username: string, options: CreateOptions) =>
      run((site) => createAccount(site, username, options)),
    )

  program
    .command('suspend')
    .description('Suspend an account: its sessions and streams end, and it cannot sign in. Its posts stay.')
    .argument('<username>')
    .option('--reason <text>', 'a reason for the log of admins')
    .action((username: string, { reason }: { reason?: string }) =>
      run(async (site) => {
        const user = await getUser(site.db, username)
        await suspendUser(site, null, user, reason ?? null)
        console.log(`Suspended ${user.username}.`)
      }),
    )

  program
    .command('unsuspend')
    .description('Let a suspended account sign in again.')
    .argument('<username>')
    .action((username: string) =>
      run(async (site) => {
        const user = await getUser(site.db, username)
        await unsuspendUser(site, null, user)
        console.log(`${user.username} can sign in again.`)
      }),
    )

  program
    .command('delete-user')
    .description('Delete an account with its posts, comments and likes. This cannot be undone.')
    .argument('<username>')
    .requiredOption('--yes', 'confirm that everything is deleted')
    .action((username: string) =>
      run(async ({ db, write }) => {
        const user = await getUser(db, username)
        if (!(await deleteUser(write, null, user)))
          throw new Error(`${user.username} is an admin. Run remove-admin first.`)
        console.log(`Deleted ${user.username}. The instances delete the rows within minutes.`)
      }),
    )

  program
    .command('make-admin')
    .description('Make an account an admin.')
    .argument('<username>')
    .action((username: string) =>
      run(async ({ db, write }) => {
        const user = await getUser(db, username)
        if (!(await makeAdmin(write, null, user))) throw new Error(whyNoAdmin(user))
        console.log(`${user.username} is an admin now.`)
      }),
    )

  program
    .command('remove-admin')
    .description('Make an admin an ordinary account.')
    .argument('<username>')
    .option('--force', 'even if this is the only admin')
    .action((username: string, { force = false }: { force?: boolean }) =>
      run(async ({ db, write }) => {
        const user = await getUser(db, username)
        if (!(await removeAdmin(write, null, user, { force })))
          throw new Error(`${user.username} is not an admin.`)
        console.log(`${user.username} is not an admin any more.`)
      }),
    )

  program
    .command('admin-token')
    .description('Print a token that makes the first person who enters it at /admin/token an admin.')
    .action(() => run(async (site) => printAdminToken(site)))

  program
    .command('reset-link')
    .description('Print a link with which the owner of an account sets a new password, once.')
    .argument('<username>')
    .option('--hours <number>', `how long the link works, up to ${MAX_LINK_HOURS}`, String(LINK_HOURS))
    .action((username: string, { hours }: { hours: string }) =>
      run(async (site) => printResetLink(site, await getUser(site.db, username), parseHours(hours))),
    )
}

interface CreateOptions {
  admin?: boolean
  passwordStdin?: boolean
}

async function createAccount(site: CommandSite, username: string, options: CreateOptions): Promise<void> {
  const { write } = site
  const given = options.passwordStdin ? (await readAll(process.stdin)).replace(/\r?\n$/, '') : null
  // Nobody knows the random password; the link replaces it.
  const { data, error } = RegisterInput.safeParse({ username, password: given ?? newSecret() })
  if (!data) throw new Error(error.issues.map(({ message }) => message).join('\n'))
  const user = await insertUser(write, data.username, await createPasswords().hash(data.password))
  await write((tx) =>
    tx.query(sql.command`
      with created as (select ${user.id}::bigint as id)
      ${logEntries(null, sql.fragment`created`, { action: 'account created', user: sql.fragment`id` })}`),
  )
  if (options.admin) await makeAdmin(write, null, user)
  console.log(`Created ${user.username}${options.admin ? ', an admin' : ''}.`)
  if (given === null) await printResetLink(site, user, LINK_HOURS)
}

function whyNoAdmin({ username }: UserRow): string {
  return `${username} is an admin already, or is suspended.`
}

async function printAdminToken({ config, write }: CommandSite): Promise<void> {
  const token = await createAdminToken(write)
  console.log(`Sign in, open ${linkTo(config, '/admin/token')} and enter this token within 24 hours:`)
  console.log(token)
}

async function printResetLink(
  { config, write }: CommandSite,
  user: { id: string; username: string },
  hours: number,
): Promise<void> {
  const token = await createPasswordReset(write, user, hours)
  await write((tx) =>
    tx.query(sql.command`
      with created as (select ${user.id}::bigint as id)
      ${logEntries(null, sql.fragment`created`, {
        action: 'password link created',
        user: sql.fragment`id`,
      })}`),
  )
  console.log(`With this link, ${user.username} can set a password once within ${hours} hours:`)
  console.log(linkTo(config, `/reset-password?token=${token}`))
}

function parseHours(text: string): number {
  const hours = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (hours < 1 || hours > MAX_LINK_HOURS) {
    throw new Error(`--hours must be a whole number from 1 to ${MAX_LINK_HOURS}`)
  }
  return hours
}
