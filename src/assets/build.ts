/**
 * Builds the files for the browser into `static/build/`: `app.js`, `app.css`, `upload.js` (for the profile form only),
 * and a manifest of their hashes. `node src/assets/build.ts` runs it from the command line.
 */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
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
  const files = { 'app.js': script, 'upload.js': upload, 'app.css': css }
  await mkdir(target, { recursive: true })
  for (const [name, content] of Object.entries(files)) await writeCompressed(name, content, minify)
  await esbuild.stop() // otherwise the bundler's process runs as long as this one
  const manifest = Object.fromEntries(Object.entries(files).map(([name, content]) => [name, hash(content)]))
  await writeFile(join(target, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n')
}

/**
 * Writes a file, and compressed copies that the service sends instead of it. The best levels take 0.2 s; a build for
 * development uses the fastest.
 */
async function writeCompressed(name: string, content: string, best: boolean): Promise<void> {
  const path = join(target, name)
  const quality = { [constants.BROTLI_PARAM_QUALITY]: best ? 11 : 1 }
  await writeFile(path, content)
  await writeFile(`${path}.br`, brotliCompressSync(content, { params: quality }))
  await writeFile(`${path}.gz`, gzipSync(content, { level: best ? 9 : 1 }))
}

/** Bundles `entry` and its imports, including the precompiled partials, into one ES module. */
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
