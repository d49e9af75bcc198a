import * as fs from 'node:fs'
import { dirname, join, relative } from 'node:path'

export interface Stage {
  name: string
  base: string
  /** In order, for example `['COPY', 'src src']`. */
  steps: [instruction: string, args: string][]
}

/** Parses the part of the format that our Dockerfile uses: comments, continued lines, named stages. */
export function parseDockerfile(text: string): Stage[] {
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const stages: Stage[] = []
  for (const line of lines) {
    const [, instruction = '', args = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    if (instruction === 'FROM') {
      const [base = '', , name = `${stages.length}`] = args.split(/\s+/)
      stages.push({ name, base, steps: [] })
    } else {
      stages.at(-1)?.steps.push([instruction, args])
    }
  }
  return stages
}

/** Returns the arguments of a stage's last instruction of this kind; '' if it has none. */
export function lastArgs(stage: Stage | undefined, instruction: string): string {
  return stage?.steps.findLast(([name]) => name === instruction)?.[1] ?? ''
}

/** Parses the arguments of a COPY instruction. */
export function parseCopy(args: string): { from: string | null; sources: string[]; to: string } {
  const [, from = null] = /^--from=(\S+)\s/.exec(args) ?? []
  const paths = args.replace(/^--from=\S+\s+/, '').split(/\s+/)
  return { from, sources: paths.slice(0, -1), to: paths.at(-1) ?? '' }
}

/** Parses .dockerignore. The last line that matches a path, or a folder above it, decides whether it is ignored. */
export function createIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ include: line.startsWith('!'), pattern: line.replace(/^!/, '') }))
  const matches = (pattern: string, path: string) =>
    pattern === '*' || path === pattern || path.startsWith(`${pattern}/`)
  return (path) => rules.findLast(({ pattern }) => matches(pattern, path))?.include === false
}

/**
 * Builds the image in folders below `target`, one folder per stage. Copies the files of `context` that .dockerignore
 * does not exclude. `run` executes the RUN steps.
 * @returns the working folder of the last stage
 */
export function buildInFolder(
  stages: Stage[],
  { context, target, run }: { context: string; target: string; run(command: string, folder: string): void },
): string {
  const ignored = createIgnore(fs.readFileSync(join(context, '.dockerignore'), 'utf8'))
  let folder = ''
  for (const { name, steps } of stages) {
    const root = join(target, name)
    folder = root
    for (const [instruction, args] of steps) {
      if (instruction === 'WORKDIR') fs.mkdirSync((folder = join(root, args)), { recursive: true })
      if (instruction === 'COPY') copy(args, folder)
      if (instruction === 'RUN') run(args, folder)
    }
  }
  return folder

  function copy(args: string, into: string): void {
    const { from, sources, to } = parseCopy(args)
    for (const source of sources) {
      const path = join(from === null ? context : join(target, from), source)
      const copyTo = to.endsWith('/') ? join(into, to, source) : join(into, to)
      fs.mkdirSync(dirname(copyTo), { recursive: true })
      fs.cpSync(path, copyTo, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (file) => from !== null || !ignored(relative(context, file)),
      })
    }
  }
}
