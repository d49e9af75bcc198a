import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The files that assets/build.ts has built for the browser. */
export interface Assets {
  /**
   * Returns the URL of a file with the hash of its contents, so that browsers may cache it.
   * @throws Error if the file does not exist
   */
  url(name: string): string
  /** The hash of a built file; undefined for other files. */
  hashOf(path: string): string | undefined
  /** Whether `hash` is the hash of the file that this instance serves at `path`. */
  has(path: string, hash: unknown): boolean
}

/** Reads the manifest once, at the first use. */
export function createAssets(folder: string): Assets {
  let manifest: Map<string, string> | null = null

  function hashes(): Map<string, string> {
    manifest ??= readManifest(folder)
    return manifest
  }

  function hashOf(path: string): string | undefined {
    const [, name = ''] = /^\/build\/([^/]+)$/.exec(path) ?? []
    return hashes().get(name)
  }

  return {
    hashOf,
    url(name) {
      const hash = hashes().get(name)
      if (hash === undefined) throw new Error(`No asset ${name} in ${folder}; is the browser bundle built?`)
      return `/build/${name}?v=${hash}`
    },
    has: (path, hash) => hash !== undefined && hashOf(path) === hash,
  }
}

function readManifest(folder: string): Map<string, string> {
  const text = readFileSync(join(folder, 'manifest.json'), 'utf8')
  return new Map(Object.entries(JSON.parse(text) as Record<string, string>))
}
