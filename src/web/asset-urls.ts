import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What build.ts made for the browser. */
export interface Assets {
  /** The address of a file with the hash of its contents, so that browsers may keep it. Throws for an unknown one. */
  url(name: string): string
  /** Whether this instance serves the file at `path` with contents of this hash. */
  has(path: string, hash: unknown): boolean
}

/** Reads the manifest at the first use, and keeps it. */
export function createAssets(folder: string): Assets {
  let manifest: Map<string, string> | null = null

  function hashes(): Map<string, string> {
    manifest ??= readManifest(folder)
    return manifest
  }

  return {
    url(name) {
      const hash = hashes().get(name)
      if (hash === undefined) throw new Error(`No asset ${name} in ${folder}; is the browser bundle built?`)
      return `/build/${name}?v=${hash}`
    },
    has(path, hash) {
      const [, name = ''] = /^\/build\/([^/]+)$/.exec(path) ?? []
      return hash !== undefined && hashes().get(name) === hash
    },
  }
}

function readManifest(folder: string): Map<string, string> {
  const text = readFileSync(join(folder, 'manifest.json'), 'utf8')
  return new Map(Object.entries(JSON.parse(text) as Record<string, string>))
}
