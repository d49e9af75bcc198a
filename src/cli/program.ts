import { Command } from 'commander'
import { addAccountCommands, type Run } from './accounts.ts'
import { addBackupCommands } from './backup/command.ts'
import { addDoctorCommand } from './doctor/command.ts'
import { addExportCommand } from './export/command.ts'
import { withClient, withDatabase, withSite, type CommandConfig, type RunDirect } from './site.ts'
import { addVerifyCommand } from './verify/command.ts'

/** The command line: `npm run admin -- --help`. */
export function createProgram({ readConfig }: { readConfig(): CommandConfig }): Command {
  const program = new Command('npm run admin --')
    .description('Manage a KoaFeed site. It uses the environment variables of the service.')
    .showHelpAfterError()
  const run: Run = (work) => withSite(readConfig(), work)
  addAccountCommands(program, run)
  const runDirect: RunDirect = (work) => withClient(readConfig(), work)
  addVerifyCommand(program, runDirect)
  addExportCommand(program, runDirect)
  addBackupCommands(program, (work) => withDatabase(readConfig(), ({ directUrl }) => work(directUrl)))
  addDoctorCommand(program, readConfig)
  return program
}
