import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The files that assets/build.ts has built for the browser. Their names contain the hash of their content. */
export interface Assets {
  /**
   * Returns the URL of a file; `name` is without the hash.
   * @throws Error if the file does not exist
   */
  url(name: string): string
  find(name: string): string | undefined
}

/** Reads the manifest once, at the first use. */
export function createAssets(folder: string): Assets {
  let urls: Map<string, string> | null = null

  function find(name: string): string | undefined {
    urls ??= readManifest(folder)
    return urls.get(name)
  }

  return {
    find,
    url(name) {
      const url = find(name)
      if (url === undefined) throw new Error(`No asset ${name} in ${folder}; is the browser bundle built?`)
      return url
    },
  }
}

function readManifest(folder: string): Map<string, string> {
  const text = readFileSync(join(folder, 'manifest.json'), 'utf8')
  const files = Object.entries(JSON.parse(text) as Record<string, string>)
  return new Map(files.map(([name, file]) => [name, `/build/${file}`]))
}
