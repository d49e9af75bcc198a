import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { useSite } from '../support/site.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const PROMTOOL = '/usr/bin/promtool'

interface Alerts {
  groups: { rules: { alert: string; expr: string }[] }[]
}

interface Dashboard {
  panels: { targets?: { expr: string }[] }[]
}

describe('monitoring', () => {
  const { instances } = useSite()
  const alerts = (parse(read('deploy/prometheus/alerts.yaml')) as Alerts).groups.flatMap(({ rules }) => rules)
  const { panels } = JSON.parse(read('deploy/grafana/koafeed.json')) as Dashboard
  const expressions = [...alerts, ...panels.flatMap(({ targets = [] }) => targets)].map(({ expr }) => expr)
  const documentation = read('docs/operations.md')

  const metricsIn = (text: string): Set<string> => {
    const names = text.match(/\b(koafeed|nodejs|process)_[a-z0-9_]+/g) ?? []
    return new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))
  }
  const exported = async (): Promise<Set<string>> => {
    const text = await (await fetch(`${instances[0]!.metricsOrigin}/metrics`)).text()
    return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!))
  }

  it('uses only metrics that an instance has, in alerts, dashboard and documentation', async () => {
    const names = await exported()
    for (const text of [...expressions, documentation]) {
      for (const name of metricsIn(text)) expect(names, text.slice(0, 200)).to.include(name)
    }
  })

  it('documents each metric of the service, and the first step for each alert', async () => {
    const documented = metricsIn(documentation)
    for (const name of await exported()) if (name.startsWith('koafeed_')) expect(documented).to.include(name)
    for (const { alert } of alerts) expect(documentation).to.contain(`\n| \`${alert}\` |`)
  })

  it('fires each alert when it should, and none on a quiet site', function () {
    if (!existsSync(PROMTOOL)) this.skip()
    const { status, stdout, stderr } = spawnSync(PROMTOOL, ['test', 'rules', 'test/deploy/alerts.yaml'], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(status, stdout + stderr).to.equal(0)
    const [, expected] = /value: (\d+)/.exec(read('test/deploy/alerts.yaml')) ?? []
    expect(Number(expected), 'alerts that fire').to.equal(alerts.length)
  })
})
