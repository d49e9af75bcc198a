import * as fs from 'node:fs'
import { dirname, join, relative } from 'node:path'

export interface Stage {
  name: string
  base: string
  /** In order, each with its words as they stand there: `['COPY', 'src src']`. */
  steps: [instruction: string, words: string][]
}

/** Reads as much of the format as ours uses: comments, continued lines, stages with names. */
export function parseDockerfile(text: string): Stage[] {
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const stages: Stage[] = []
  for (const line of lines) {
    const [, instruction = '', words = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    if (instruction === 'FROM') {
      const [base = '', , name = `${stages.length}`] = words.split(/\s+/)
      stages.push({ name, base, steps: [] })
    } else {
      stages.at(-1)?.steps.push([instruction, words])
    }
  }
  return stages
}

/** The words of the last such instruction of a stage. */
export function lastOf(stage: Stage | undefined, instruction: string): string {
  return stage?.steps.findLast(([name]) => name === instruction)?.[1] ?? ''
}

export function copyOf(words: string): { from: string | null; sources: string[]; to: string } {
  const [, from = null] = /^--from=(\S+)\s/.exec(words) ?? []
  const paths = words.replace(/^--from=\S+\s+/, '').split(/\s+/)
  return { from, sources: paths.slice(0, -1), to: paths.at(-1) ?? '' }
}

/** Whether .dockerignore keeps a path out: its last line that fits the path, or a folder above it, decides. */
export function createIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keep: line.startsWith('!'), pattern: line.replace(/^!/, '') }))
  const fits = (pattern: string, path: string) =>
    pattern === '*' || path === pattern || path.startsWith(`${pattern}/`)
  return (path) => rules.findLast(({ pattern }) => fits(pattern, path))?.keep === false
}

/**
 * Does in folders below `target` what a build of the image does: a folder a stage, with the files of `context` that
 * .dockerignore lets through. `run` does the RUN steps.
 * @returns the last stage's working folder
 */
export function replay(
  stages: Stage[],
  { context, target, run }: { context: string; target: string; run(command: string, folder: string): void },
): string {
  const ignored = createIgnore(fs.readFileSync(join(context, '.dockerignore'), 'utf8'))
  let folder = ''
  for (const { name, steps } of stages) {
    const root = join(target, name)
    folder = root
    for (const [instruction, words] of steps) {
      if (instruction === 'WORKDIR') fs.mkdirSync((folder = join(root, words)), { recursive: true })
      if (instruction === 'COPY') copy(words, folder)
      if (instruction === 'RUN') run(words, folder)
    }
  }
  return folder

  function copy(words: string, into: string): void {
    const { from, sources, to } = copyOf(words)
    for (const source of sources) {
      const path = join(from === null ? context : join(target, from), source)
      const place = to.endsWith('/') ? join(into, to, source) : join(into, to)
      fs.mkdirSync(dirname(place), { recursive: true })
      fs.cpSync(path, place, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (file) => from !== null || !ignored(relative(context, file)),
      })
    }
  }
}
