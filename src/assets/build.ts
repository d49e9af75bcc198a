/**
 * Builds what the browser loads into `static/build/`: `app.js`, `app.css`, `upload.js`, which only the profile's form
 * needs, and a manifest of their hashes.
 * `node src/assets/build.ts` does it from the command line.
 */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as esbuild from 'esbuild'
import { partialsPlugin } from './partials.ts'
import { styles } from './styles.ts'

const root = join(import.meta.dirname, '../..')
const target = join(root, 'static/build')

export async function build({ minify = true }: { minify?: boolean } = {}): Promise<void> {
  const [script, upload, css] = await Promise.all([
    bundle(join(root, 'src/browser/main.ts'), { minify }),
    bundle(join(root, 'src/browser/forms/upload.ts'), { minify }),
    styles(root, { minify }),
  ])
  await mkdir(target, { recursive: true })
  await writeFile(join(target, 'app.js'), script)
  await writeFile(join(target, 'upload.js'), upload)
  await writeFile(join(target, 'app.css'), css)
  await esbuild.stop() // the bundler is a process of its own, which would stay as long as ours
  const manifest = { 'app.js': hash(script), 'upload.js': hash(upload), 'app.css': hash(css) }
  await writeFile(join(target, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n')
}

/** One ES module with all that `entry` imports, the precompiled partials included. */
export async function bundle(entry: string, { minify = true }: { minify?: boolean } = {}): Promise<string> {
  const result = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    minify,
    legalComments: 'none',
    plugins: [partialsPlugin(join(root, 'templates'))],
    logLevel: 'warning',
  })
  return result.outputFiles[0]?.text ?? ''
}

function hash(content: string): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 12)
}

if (import.meta.main) await build()
