/** Checks that the names, ports, paths and files in Dockerfile, compose.yaml and nginx.conf exist in the code. */
import { expect } from 'chai'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { readConfig } from '../../src/config.ts'
import { parseCopy, createIgnore, lastArgs, parseDockerfile } from '../support/servers/dockerfile.ts'
import { shutdownMs, variableNames } from '../support/facts.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const stages = parseDockerfile(read('Dockerfile'))
const image = stages.at(-1)
const nginx = read('deploy/nginx.conf')

interface Service {
  environment?: Record<string, string | number>
  command?: string[]
  volumes?: string[]
  stop_grace_period?: string
  deploy?: { replicas: number }
}
const compose = parse(read('compose.yaml'), { merge: true }) as { services: Record<string, Service> }
const { app, migrate } = compose.services

describe('the Dockerfile', () => {
  it('copies only files that exist and that .dockerignore does not exclude', () => {
    const ignored = createIgnore(read('.dockerignore'))
    const copies = stages.flatMap(({ steps }) => steps.filter(([name]) => name === 'COPY'))
    const sources = copies.map(([, words]) => parseCopy(words)).filter(({ from }) => from === null)
    for (const path of sources.flatMap((copy) => copy.sources)) {
      expect([path, existsSync(join(root, path)), ignored(path)]).to.deep.equal([path, true, false])
    }
    for (const path of [
      '.git',
      '.data/postgres',
      '.env',
      'node_modules/koa',
      'static/build/app.js',
      'test',
    ]) {
      expect(ignored(path), path).to.equal(true)
    }
  })

  it('copies only from earlier stages', () => {
    stages.forEach(({ steps }, i) => {
      const earlier = stages.slice(0, i).map(({ name }) => name)
      for (const [name, words] of steps) {
        const from = name === 'COPY' ? parseCopy(words).from : null
        if (from !== null) expect(earlier).to.include(from)
      }
    })
  })

  it('runs in production mode on the tested Node version, as an ordinary user', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } }
    for (const { base } of stages) expect(base).to.equal(`node:${devDependencies.node.split('.')[0]}-slim`)
    expect(lastArgs(image, 'USER')).to.equal('node')
    expect(lastArgs(image, 'ENV')).to.equal('NODE_ENV=production')
  })

  it('exposes the ports of the service, runs an existing file, and checks an existing path', () => {
    const { port, metricsPort } = readConfig({})
    expect(lastArgs(image, 'EXPOSE')).to.equal(`${port} ${metricsPort}`)
    expect(existsSync(join(root, (JSON.parse(lastArgs(image, 'CMD')) as string[])[1] ?? ''))).to.equal(true)
    const [, checkedPort = '', path = ''] = /\|\| (\d+)\}(\/\w+)/.exec(lastArgs(image, 'HEALTHCHECK')) ?? []
    expect(Number(checkedPort)).to.equal(port)
    expect(read('src/app.ts')).to.contain(`ctx.path === '${path}'`)
  })
})

describe('compose.yaml', () => {
  it('sets only variables that the service reads, and all that production requires', () => {
    const set = Object.keys(app?.environment ?? {})
    expect(variableNames()).to.include.members(set)
    expect(migrate?.environment).to.deep.equal(app?.environment)
    const config = readConfig({ NODE_ENV: 'production', ...substitute(app?.environment ?? {}) })
    expect(config).to.include({ production: true, trustedProxies: 1 })
    expect(new URL(config.databaseUrl ?? '').hostname).to.be.oneOf(Object.keys(compose.services))
  })

  it('requires the secrets, and describes them', () => {
    for (const name of ['SESSION_KEYS', 'POSTGRES_PASSWORD']) {
      const uses = read('compose.yaml').match(new RegExp(`\\$\\{${name}[^}]*\\}`, 'g')) ?? []
      expect(uses, name).to.not.be.empty
      for (const use of uses) expect(use).to.match(/\$\{\w+:\?.{20,}\}/)
    }
  })

  it('runs and mounts only existing files', () => {
    for (const { command, volumes = [] } of Object.values(compose.services)) {
      const [program, file = ''] = command ?? []
      if (program === 'node') expect(existsSync(join(root, file)), file).to.equal(true)
      for (const [path = ''] of volumes
        .map((volume) => volume.split(':'))
        .filter(([path]) => path?.startsWith('.'))) {
        expect(existsSync(join(root, path)), path).to.equal(true)
      }
    }
  })

  it('runs at least two instances, and gives each enough time to shut down', () => {
    expect(app?.deploy?.replicas).to.be.at.least(2)
    expect(Number.parseInt(app?.stop_grace_period ?? '0', 10) * 1000).to.be.above(shutdownMs())
  })
})

describe('nginx.conf', () => {
  it('forwards to the service of compose.yaml, on its port', () => {
    const servers = [...nginx.matchAll(/^\s*server (\w+):(\d+) /gm)]
    expect(servers).to.have.length(2)
    for (const [, host = '', port] of servers) {
      expect(compose.services).to.have.property(host)
      expect(Number(port)).to.equal(readConfig({}).port)
    }
  })

  it('disables buffering for streams, and for nothing else', () => {
    const [, pattern = '', block = ''] = /location ~ (\S+) \{([^}]*)\}/.exec(nginx) ?? []
    const paths = [...read('src/stream/routes.ts').matchAll(/\.get\('(\/[^']*)'/g)].map(
      ([, path = '']) => path,
    )
    expect(paths).to.have.length.above(4)
    for (const path of paths) expect(path.replace(/:\w+/, 'x1')).to.match(new RegExp(pattern))
    for (const path of ['/', '/users/stream_fan', '/posts/1', '/streams', '/groups/a/b/stream']) {
      expect(path).to.not.match(new RegExp(pattern))
    }
    expect(block).to.match(/proxy_buffering off;/)
    expect(block).to.match(/proxy_next_upstream .*http_503;/)
    expect(nginx.match(/http_503;/g), 'only for streams').to.have.length(1)
    expect(nginx).to.not.contain('non_idempotent;')
    const [, beatAfter = ''] = /BEAT_AFTER_MS = ([\d_]+)/.exec(read('src/stream/lifecycle.ts')) ?? []
    const [, readTimeout = ''] = /proxy_read_timeout (\d+)s/.exec(block) ?? []
    expect(Number(readTimeout) * 1000).to.be.above(4 * Number(beatAfter.replaceAll('_', '')))
  })
})

/** Substitutes variables as Docker Compose does, with values for the two secrets. */
function substitute(environment: Record<string, string | number>): Record<string, string> {
  const secrets: Record<string, string> = {
    SESSION_KEYS: 'k3yQ9v0XzA7rLm2WpT5uHc8NdEfGjB1s',
    POSTGRES_PASSWORD: '0a1b2c',
  }
  const fill = (text: string) =>
    text.replace(/\$\{(\w+):([?-])([^}]*)\}/g, (_, name: string, kind: string, rest: string) =>
      kind === '-' ? rest : (secrets[name] ?? ''),
    )
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, fill(String(value))]))
}
