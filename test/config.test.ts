import { expect } from 'chai'
import { ConfigError, readConfig } from '../src/config.ts'

const strong = 'k3yQ9v0XzA7rLm2WpT5uHc8NdEfGjB1s'
const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://u:hunter2@db/koafeed',
  SESSION_KEYS: strong,
  PUBLIC_ORIGIN: 'https://feed.example.org',
}

describe('readConfig', () => {
  it('has a working default for each variable outside production', () => {
    const config = readConfig({})
    expect(config).to.include({ port: 3000, metricsPort: 9464, instances: 1, dataDir: '.data', host: null })
    expect(config).to.include({ databaseUrl: null, publicOrigin: null, production: false, trustedProxies: 0 })
    expect(config.limits).to.deep.equal({})
    expect(config.preparedStatements).to.equal(true)
    expect(config.sessionKeys[0]).to.have.length.of.at.least(32)
    expect(config.instanceName).to.match(/^[\w.-]{1,46}$/)
  })

  it('treats an empty variable as unset', () => {
    expect(readConfig({ PORT: '', LIMITS: ' ', DATABASE_URL: '' })).to.include({
      port: 3000,
      databaseUrl: null,
    })
  })

  it('reads all variables', () => {
    const config = readConfig({
      ...production,
      PORT: '0',
      SESSION_KEYS: `${strong}, ${strong}2`,
      PUBLIC_ORIGIN: 'https://Feed.example.org/',
      LIMITS: 'signins=5, posts=100',
      LISTEN_DATABASE_URL: 'postgresql://direct/koafeed',
    })
    expect(config.port).to.equal(0)
    expect(config.sessionKeys).to.deep.equal([strong, `${strong}2`])
    expect(config.publicOrigin).to.equal('https://feed.example.org')
    expect(config.limits).to.deep.equal({ signins: 5, posts: 100 })
    expect(config.listenDatabaseUrl).to.equal('postgresql://direct/koafeed')
    expect(readConfig({ LIMITS: 'off' }).limits).to.equal('off')
    expect(readConfig({ LIMITS: 'posts=0,uploads=off' }).limits).to.deep.equal({ posts: 0, uploads: 0 })
    expect(readConfig(production).listenDatabaseUrl).to.equal(production.DATABASE_URL)
    expect(readConfig({ PREPARED_STATEMENTS: 'off' }).preparedStatements).to.equal(false)
  })

  it('lists all errors at once, and contains no secret', () => {
    const message = errorsOf({
      PORT: '70000',
      METRICS_PORT: '1e3',
      INSTANCES: '0',
      DATABASE_URL: 'mysql://u:hunter2@db',
      PUBLIC_ORIGIN: 'https://feed.example.org/path',
      TRUSTED_PROXIES: '-1',
      LOG_LEVEL: 'loud',
      INSTANCE_NAME: 'a b',
      PREPARED_STATEMENTS: 'perhaps',
      COMPRESSION: 'perhaps',
      MAX_STREAM_BACKLOG_MB: '7',
      SESSION_KEYS: 'hunter2,,',
      LIMITS: 'coffee=3,posts=-1',
    })
    for (const name of [
      'PORT',
      'METRICS_PORT',
      'INSTANCES',
      'DATABASE_URL',
      'PUBLIC_ORIGIN',
      'TRUSTED_PROXIES',
      'COMPRESSION',
      'MAX_STREAM_BACKLOG_MB',
    ]) {
      expect(message).to.match(new RegExp(`^  ${name} must`, 'm'))
    }
    expect(message)
      .to.match(/^ {2}LOG_LEVEL must be one of/m)
      .and.match(/^ {2}INSTANCE_NAME must/m)
      .and.match(/^ {2}PREPARED_STATEMENTS must/m)
    expect(message)
      .to.match(/^ {2}SESSION_KEYS must/m)
      .and.contain('"coffee=3"')
      .and.contain('"posts=-1"')
    expect(message).to.not.contain('hunter2')
  })

  it('requires in production each variable without a safe default', () => {
    const message = errorsOf({ NODE_ENV: 'production' })
    for (const name of ['DATABASE_URL', 'SESSION_KEYS', 'PUBLIC_ORIGIN']) {
      expect(message).to.contain(`${name} is required in production`)
    }
    expect(readConfig(production).production).to.equal(true)
  })

  it('rejects weak keys in production', () => {
    for (const key of [
      'short',
      'x'.repeat(40),
      'change-me-change-me-change-me-change-me',
      `${strong},short`,
    ]) {
      expect(errorsOf({ ...production, SESSION_KEYS: key }), key).to.match(/SESSION_KEYS (must|still)/)
    }
    expect(readConfig({ SESSION_KEYS: 'short' }).sessionKeys).to.deep.equal(['short'])
  })

  it('rejects ports that instances would share, and ports above 65535', () => {
    expect(errorsOf({ PORT: '9463', INSTANCES: '2' })).to.contain('too close')
    expect(errorsOf({ PORT: '65535', INSTANCES: '2' })).to.contain('PORT + INSTANCES')
    expect(readConfig({ PORT: '65535' }).port).to.equal(65_535)
  })
})

function errorsOf(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}
