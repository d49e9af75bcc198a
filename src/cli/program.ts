import { Command } from 'commander'
import { addAccountCommands, type Run } from './accounts.ts'
import { withSite, type CommandConfig } from './site.ts'

/** The command line: `npm run admin -- --help`. */
export function createProgram({ readConfig }: { readConfig(): CommandConfig }): Command {
  const program = new Command('npm run admin --')
    .description('Manage a KoaFeed site. It uses the environment variables of the service.')
    .showHelpAfterError()
  const run: Run = (work) => withSite(readConfig(), work)
  addAccountCommands(program, run)
  return program
}
