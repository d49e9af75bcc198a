/** What Dockerfile, compose.yaml and nginx.conf name must exist in the code. */
import { expect } from 'chai'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { readConfig } from '../src/config.ts'
import { parseCopy, createIgnore, lastArgs, parseDockerfile } from './support/dockerfile.ts'
import { shutdownMs, variableNames } from './support/facts.ts'

const root = join(import.meta.dirname, '..')
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
  it('copies what exists and what .dockerignore lets through', () => {
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

  it('copies from stages that come before', () => {
    stages.forEach(({ steps }, i) => {
      const earlier = stages.slice(0, i).map(({ name }) => name)
      for (const [name, words] of steps) {
        const from = name === 'COPY' ? parseCopy(words).from : null
        if (from !== null) expect(earlier).to.include(from)
      }
    })
  })

  it('runs on the Node that the project is tested with, as nobody special, in production', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } }
    for (const { base } of stages) expect(base).to.equal(`node:${devDependencies.node.split('.')[0]}-slim`)
    expect(lastArgs(image, 'USER')).to.equal('node')
    expect(lastArgs(image, 'ENV')).to.equal('NODE_ENV=production')
  })

  it('exposes the ports, runs the file and asks the path that the service has', () => {
    const { port, metricsPort } = readConfig({})
    expect(lastArgs(image, 'EXPOSE')).to.equal(`${port} ${metricsPort}`)
    expect(existsSync(join(root, (JSON.parse(lastArgs(image, 'CMD')) as string[])[1] ?? ''))).to.equal(true)
    const [, asked = '', path = ''] = /\|\| (\d+)\}(\/\w+)/.exec(lastArgs(image, 'HEALTHCHECK')) ?? []
    expect(Number(asked)).to.equal(port)
    expect(read('src/app.ts')).to.contain(`ctx.path === '${path}'`)
  })
})

describe('compose.yaml', () => {
  it('sets variables that the service reads, and all that production demands', () => {
    const set = Object.keys(app?.environment ?? {})
    expect(variableNames()).to.include.members(set)
    expect(migrate?.environment).to.deep.equal(app?.environment)
    const config = readConfig({ NODE_ENV: 'production', ...filledIn(app?.environment ?? {}) })
    expect(config).to.include({ production: true, trustedProxies: 1 })
    expect(new URL(config.databaseUrl ?? '').hostname).to.be.oneOf(Object.keys(compose.services))
  })

  it('does not start without the secrets, and says what they are', () => {
    for (const name of ['SESSION_KEYS', 'POSTGRES_PASSWORD']) {
      const uses = read('compose.yaml').match(new RegExp(`\\$\\{${name}[^}]*\\}`, 'g')) ?? []
      expect(uses, name).to.not.be.empty
      for (const use of uses) expect(use).to.match(/\$\{\w+:\?.{20,}\}/)
    }
  })

  it('runs files and mounts files that exist', () => {
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

  it('has two instances, and gives each the time for an orderly end', () => {
    expect(app?.deploy?.replicas).to.be.at.least(2)
    expect(Number.parseInt(app?.stop_grace_period ?? '0', 10) * 1000).to.be.above(shutdownMs())
  })
})

describe('nginx.conf', () => {
  it('asks the service that compose.yaml starts, on its port', () => {
    const servers = [...nginx.matchAll(/^\s*server (\w+):(\d+) /gm)]
    expect(servers).to.have.length(2)
    for (const [, host = '', port] of servers) {
      expect(compose.services).to.have.property(host)
      expect(Number(port)).to.equal(readConfig({}).port)
    }
  })

  it('holds nothing back of any stream, and nothing but streams gets that', () => {
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
    const [, silence = ''] = /BEAT_AFTER_MS = ([\d_]+)/.exec(read('src/stream/lifecycle.ts')) ?? []
    const [, patience = ''] = /proxy_read_timeout (\d+)s/.exec(block) ?? []
    expect(Number(patience) * 1000).to.be.above(4 * Number(silence.replaceAll('_', '')))
  })
})

/** As Docker Compose would, with the two secrets given. */
function filledIn(environment: Record<string, string | number>): Record<string, string> {
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
