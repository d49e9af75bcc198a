/**
 * `npm run admin -- COMMAND` manages a site from the command line. It uses the environment of the service, and without
 * DATABASE_URL the embedded PostgreSQL, even while `npm start` runs on it.
 */
import { readConfig } from './config.ts'
import { createProgram } from './cli/program.ts'

try {
  await createProgram({ readConfig: () => readConfig(process.env) }).parseAsync()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
