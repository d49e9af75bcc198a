/** A process of its own that starts the embedded PostgreSQL, says so, and stays until it is killed. */
import { startPostgres } from '../../src/embedded/postgres.ts'

const { url } = await startPostgres({ dataDir: process.argv[2] ?? '', log: () => {}, throwaway: true })
process.send?.({ url })
process.on('disconnect', () => process.exit()) // The channel keeps it alive, and its test's end ends it.
