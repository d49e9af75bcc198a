/** A separate process: starts the embedded PostgreSQL, sends its URL, and runs until it is killed. */
import { startPostgres } from '../../../src/embedded/postgres.ts'

const { url } = await startPostgres({ dataDir: process.argv[2] ?? '', log: () => {}, throwaway: true })
process.send?.({ url })
process.on('disconnect', () => process.exit()) // The IPC channel keeps the process alive until the test ends.
