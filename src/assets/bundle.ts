import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { partialsPlugin } from './partials.ts'

/** A file of a bundle. */
export interface Script {
  /** Without the hash: `app.js` is the entry, the others are named after the module that `import()` loads. */
  name: string
  /** With the hash of the content. */
  file: string
  content: string
  /** Loaded together with the page: the entry, and what it imports statically. */
  initial: boolean
}

/**
 * Bundles `entry` with its static imports and the compiled partials into one ES module. Each module that `import()`
 * loads becomes a file of its own, which imports what it shares with the entry from the entry's file.
 */
export async function bundle(
  entry: string,
  { name, minify = true }: { name: string; minify?: boolean },
): Promise<Script[]> {
  const templates = join(import.meta.dirname, '../../templates')
  const build = await rolldown({
    input: { [name]: entry },
    platform: 'browser',
    transform: { target: 'es2022' },
    // The entry's file exports what the other files import.
    preserveEntrySignatures: 'allow-extension',
    plugins: [partialsPlugin(templates)],
    logLevel: 'warn',
  })
  try {
    const { output } = await build.generate({
      format: 'esm',
      minify,
      comments: false,
      entryFileNames: '[name]-[hash].js',
      chunkFileNames: '[name]-[hash].js',
      // Without it, what two modules of `import()` share with the entry would be in files of its own.
      codeSplitting: { groups: [{ name, tags: ['$initial'] }] },
    })
    const chunks = output.filter((file) => file.type === 'chunk')
    const imports = new Map(chunks.map((chunk) => [chunk.fileName, chunk.imports]))
    const initial = reachable(chunks.find((chunk) => chunk.isEntry)?.fileName ?? '', imports)
    return chunks.map((chunk) => ({
      name: `${chunk.name}.js`,
      file: chunk.fileName,
      content: chunk.code,
      initial: initial.has(chunk.fileName),
    }))
  } finally {
    await build.close()
  }
}

function reachable(start: string, imports: Map<string, string[]>): Set<string> {
  const found = new Set([start])
  for (const file of found) for (const next of imports.get(file) ?? []) found.add(next)
  return found
}
