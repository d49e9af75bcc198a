import type { Command } from 'commander'
import { linkTo, withDatabase, type CommandConfig } from '../site.ts'
import { runCheck } from './check.ts'
import { databaseChecks } from './database.ts'
import { connectionChecks } from './connections.ts'
import { machineChecks } from './machine.ts'

export function addDoctorCommand(program: Command, readConfig: () => CommandConfig): void {
  program
    .command('doctor')
    .description('Check what the site depends on: database, LISTEN, clock, keys, proxies, limits.')
    .option('--origin <url>', 'the public address of the site; PUBLIC_ORIGIN by default')
    .action(async ({ origin }: { origin?: string }) => {
      const config = readConfig()
      await withDatabase(config, ({ url, directUrl }) =>
        examine(config, {
          url,
          listenUrl: directUrl,
          origin: origin?.replace(/\/$/, '') ?? linkTo(config, ''),
        }),
      )
    })
}

/** Prints the result of each check. The exit code is 1 if one has failed. */
async function examine(
  { production, preparedStatements }: CommandConfig,
  { url, listenUrl, origin }: { url: string; listenUrl: string; origin: string },
): Promise<void> {
  const checks = [
    ...databaseChecks(url),
    ...connectionChecks({ url, listenUrl, preparedStatements }),
    ...machineChecks({ production, keys: process.env.SESSION_KEYS, origin }),
  ]
  for (const check of checks) {
    const { status, message } = await runCheck(check)
    console.log(`${status.padEnd(7)}  ${check.name}: ${message}`)
    if (status === 'failed') process.exitCode = 1
  }
}
