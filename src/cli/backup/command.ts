import type { Command } from 'commander'
import { backup, finishRestore, restore } from './backup.ts'

/** Runs a command on a direct connection to the database. */
export type RunUrl = (work: (directUrl: string) => Promise<void>) => Promise<void>

const ABOVE = [
  '--above <seq>',
  'a number above every koafeed_log_position that the instances have shown',
] as const

export function addBackupCommands(program: Command, run: RunUrl): void {
  program
    .command('backup')
    .description('Write the whole database to a new file, with pg_dump. The site keeps running.')
    .argument('<file>')
    .action((file: string) =>
      run(async (url) => {
        await backup(url, file)
        console.log(`Wrote ${file}`)
      }),
    )

  program
    .command('restore')
    .description('Restore a backup into an empty database, with pg_restore. Stop all instances first.')
    .argument('<file>')
    .option('--replace', 'delete everything that the database has')
    .option(...ABOVE)
    .action((file: string, { replace = false, above }: { replace?: boolean; above?: string }) =>
      run(async (url) => {
        await restore(url, file, { replace, above: parseSeq(above), print: console.log })
        console.log(`Restored ${file}`)
      }),
    )

  program
    .command('after-restore')
    .description(
      'Move the numbers of the log, after a backup was restored by other means, or a failover lost data.',
    )
    .option(...ABOVE)
    .action(({ above }: { above?: string }) =>
      run((url) => finishRestore(url, { above: parseSeq(above), print: console.log })),
    )
}

function parseSeq(text: string | undefined): number | null {
  if (text === undefined) return null
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Error('--above must be a positive whole number')
  return Number(text)
}
