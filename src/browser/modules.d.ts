/** The files of `templates/partials/`, compiled by the bundler (see `assets/partials.ts`). */
declare module 'koafeed:partials' {
  type Done = (error: null, text: string) => void
  export type Root = (env: unknown, context: unknown, frame: unknown, runtime: unknown, done: Done) => void
  const partials: Record<string, Root>
  export default partials
}
