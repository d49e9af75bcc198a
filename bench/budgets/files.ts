import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { bundle, type Script } from '../../src/assets/bundle.ts'
import { styles } from '../../src/assets/styles.ts'
import type { Figure } from './budget.ts'

const root = join(import.meta.dirname, '../..')

/** Measures the built files after gzip. */
export async function measureFiles(): Promise<Figure[]> {
  const scripts = await bundle(join(root, 'src/browser/main.ts'), { name: 'app' })
  const css = await styles(root, { minify: true })
  return [
    size('JavaScript of every page, gzip', sizeOf(scripts.filter(({ initial }) => initial)), 20_000),
    size('JavaScript loaded on first use, gzip', sizeOf(scripts.filter(({ initial }) => !initial)), 20_000),
    size('CSS, gzip', gzipSync(css).length, 15_000),
  ]
}

function size(name: string, value: number, limit: number): Figure {
  return { name, value, unit: 'bytes', limit, enforced: true }
}

function sizeOf(files: Script[]): number {
  return files.reduce((sum, { content }) => sum + gzipSync(content).length, 0)
}
