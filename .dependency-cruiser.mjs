/**
 * Who may import whom. `npm run imports` checks it; ARCHITECTURE.md draws it.
 * TypeScript 7 has no compiler API, so dependency-cruiser must parse with swc: without it, it would see no module.
 */
const FEATURES = 'names|users|follows|people|install|posts|comments|likes|groups|feeds|home|pictures|caches|sign-up|recovery|reports|admin|theme'
const TOP = '(app|instance|main|start|config|seed|migrate|schema|admin)\\.ts$'

const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    forbid('no-circles', 'files that import each other cannot be understood one at a time', {}, { circular: true }),
    {
      name: 'no-circles-between-folders',
      comment: 'folders are layers: one of two that import each other is at the wrong place',
      severity: 'error',
      scope: 'folder',
      from: { path: `^src/(lib|db|web|embedded|assets|shared|stream|browser|${FEATURES})` },
      to: { circular: true },
    },
    forbid(
      'lib-is-generic',
      'lib knows nothing of the product',
      { path: '^src/lib/' },
      { path: '^src/', pathNot: '^src/(lib|shared)/' },
    ),
    forbid(
      'shared-is-pure',
      'shared runs on the server and in the browser',
      { path: '^src/shared/' },
      { pathNot: '^src/shared/' },
    ),
    forbid(
      'browser-imports-shared-only',
      'the browser gets only shared code and its own packages',
      { path: '^src/browser/' },
      { path: '^src/', pathNot: '^src/(browser|shared)/' },
    ),
    forbid('no-node-in-the-browser', 'a browser has no Node', { path: '^src/browser/' }, { dependencyTypes: ['core'] }),
    forbid(
      'db-is-below-web',
      'the database layer knows nothing of HTTP',
      { path: '^src/db/' },
      { path: '^src/', pathNot: '^src/(db|lib|shared)/' },
    ),
    forbid(
      'web-is-below-features',
      'the web layer knows no feature',
      { path: '^src/web/' },
      { path: '^src/', pathNot: '^src/(web|db|lib|shared)/' },
    ),
    forbid(
      'embedded-and-assets-stand-apart',
      'runtime code must not depend on the embedded database or on the bundler',
      { path: `^src/(lib|db|web|stream|shared|browser|${FEATURES})/` },
      { path: '^src/(embedded|assets)/' },
    ),
    forbid(
      'no-feature-imports-stream',
      'the only way to a client is trigger, NOTIFY, listener, hub',
      { path: `^src/(${FEATURES})/` },
      { path: '^src/stream/' },
    ),
    forbid(
      'stream-imports-no-feature',
      'what the stream layer needs of a feature is an argument',
      { path: '^src/stream/' },
      { path: `^src/(${FEATURES})/` },
    ),
    forbid(
      'top-level-is-not-imported',
      'only app.ts and instance.ts know everything; take what you need as an argument',
      { path: '^src/.+/' },
      { path: `^src/${TOP}`, dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'no-routes-of-other-features',
      "a feature may use another's domain file, never its routes",
      { path: '^src/([^/]+)/' },
      { path: '^src/[^/]+/.*routes\\.ts$', pathNot: '^src/$1/' },
    ),
    forbid(
      'domain-does-not-import-routes',
      'routes import the domain, never the reverse',
      { path: '^src/[^/]+/', pathNot: '(routes|streaming)\\.ts$' },
      { path: 'routes\\.ts$' },
    ),
    forbid(
      'only-the-edge-sees-koa',
      'a domain function gets values, not a request',
      { path: `^src/(lib|db|stream|${FEATURES})/`, pathNot: '(routes|streaming|sign-in|devices)\\.ts$' },
      { path: 'node_modules/(koa|@koa|koa-[a-z]+)(/|$)' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.d.ts', '.mjs', '.js'] },
  },
}
