/**
 * Builds the files for the browser into `static/build/`. The name of each file contains the hash of its content. The
 * manifest maps the name that templates use (`app.js`) to the file (`app-DqX3k1aB.js`). `node src/assets/build.ts` runs it
 * from the command line.
 *
 * Older files stay: pages that are already open may still load parts of them.
 */
import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { bundle } from './bundle.ts'
import { styles } from './styles.ts'

const root = join(import.meta.dirname, '../..')
const target = join(root, 'static/build')
/** The scripts that templates name, each with the module that it starts with. */
const ENTRIES = {
  app: 'src/browser/main.ts',
  worker: 'src/browser/sync/worker.ts',
  sw: 'src/browser/offline/service-worker.ts',
}

export async function build({ minify = true }: { minify?: boolean } = {}): Promise<void> {
  const [scripts, css] = await Promise.all([
    Promise.all(Object.entries(ENTRIES).map(([name, entry]) => bundle(join(root, entry), { name, minify }))),
    styles(root, { minify }),
  ])
  const files = [...scripts.flat(), { name: 'app.css', file: `app-${hash(css)}.css`, content: css }]
  await mkdir(target, { recursive: true })
  for (const { file, content } of files) await writeCompressed(file, content, minify)
  const manifest = Object.fromEntries(files.map(({ name, file }) => [name, file]))
  await replaceFile(join(target, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n')
}

/**
 * Writes a file, and compressed copies that the service sends instead of it. The best levels take 0.2 s; a build for
 * development uses the fastest.
 */
async function writeCompressed(file: string, content: string, best: boolean): Promise<void> {
  const path = join(target, file)
  const quality = { [constants.BROTLI_PARAM_QUALITY]: best ? 11 : 1 }
  await replaceFile(`${path}.br`, brotliCompressSync(content, { params: quality }))
  await replaceFile(`${path}.gz`, gzipSync(content, { level: best ? 9 : 1 }))
  await replaceFile(path, content)
}

/** An instance may be serving the file at this moment. */
async function replaceFile(path: string, content: string | Buffer): Promise<void> {
  const temporary = `${path}.${process.pid}`
  await writeFile(temporary, content)
  await rename(temporary, path)
}

function hash(content: string): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 8)
}

if (import.meta.main) await build()
