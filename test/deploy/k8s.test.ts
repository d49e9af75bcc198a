/** Checks that the names, ports, paths and files in k8s/ exist in the code. */
import { expect } from 'chai'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { readConfig } from '../../src/config.ts'
import { shutdownMs, variableNames } from '../support/facts.ts'

const root = join(import.meta.dirname, '../..')
// Each test asserts the structure that it needs.
// oxlint-disable-next-line typescript/no-explicit-any
type Manifest = any

const read = (file: string): Manifest[] =>
  parseAllDocuments(readFileSync(join(root, 'k8s', file), 'utf8')).map((document) => document.toJS())
const kustomization = read('kustomization.yaml')[0]
const applied = (kustomization.resources as string[]).flatMap(read)
const find = (kind: string): Manifest => applied.find((manifest) => manifest.kind === kind)

const secret = read('secret.example.yaml')[0]
const settings = Object.fromEntries(
  (kustomization.configMapGenerator[0].literals as string[]).map((literal) =>
    literal.split(/=(.*)/s).slice(0, 2),
  ),
) as Record<string, string>
const pod: Manifest = find('Deployment').spec.template
const container: Manifest = pod.spec.containers[0]
const ports = new Map<string, number>(
  container.ports.map((port: Manifest) => [port.name, port.containerPort]),
)

describe('k8s/', () => {
  it('applies every file except the example of a secret', () => {
    const files = globSync('*.yaml', { cwd: join(root, 'k8s') })
    const others = new Set(['kustomization.yaml', 'secret.example.yaml'])
    expect(kustomization.resources).to.have.members(files.filter((file) => !others.has(file)))
  })

  it('sets only variables that the service reads, and all that production requires', () => {
    const direct = container.env.map(({ name }: Manifest) => name)
    const set = [...Object.keys(settings), ...Object.keys(secret.stringData), ...direct]
    expect(variableNames()).to.include.members(set)
    const keys = { SESSION_KEYS: 'k3yQ9v0XzA7rLm2WpT5uHc8NdEfGjB1s' }
    const env = { NODE_ENV: 'production', ...settings, ...secret.stringData }
    expect(readConfig({ ...env, ...keys })).to.include({ trustedProxies: 1, production: true })
    expect(() => readConfig(env), 'the key in the example').to.throw(
      'SESSION_KEYS still contains an example value',
    )
  })

  it('gives pods and migrations the same existing ConfigMap and Secret', () => {
    const names = { configMapRef: kustomization.configMapGenerator[0].name, secretRef: secret.metadata.name }
    for (const { envFrom } of [container, find('Job').spec.template.spec.containers[0]]) {
      const refs = envFrom.map((from: Manifest) =>
        Object.entries(from).map(([kind, { name }]: Manifest) => [kind, name]),
      )
      expect(Object.fromEntries(refs.flat())).to.deep.equal(names)
    }
  })

  it('probes ports and paths that the service has', () => {
    const { port, metricsPort } = readConfig({})
    expect(Object.fromEntries(ports)).to.deep.equal({ http: port, metrics: metricsPort })
    const app = readFileSync(join(root, 'src/app.ts'), 'utf8')
    for (const name of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      expect([...ports.keys()], name).to.include(container[name].httpGet.port)
      expect(app, name).to.match(new RegExp(`ctx\\.path [!=]== '${container[name].httpGet.path}'`))
    }
    expect(container.readinessProbe.httpGet.path).to.equal('/readyz')
    const { annotations } = pod.metadata
    expect(annotations['prometheus.io/port']).to.equal(`${metricsPort}`)
    expect(readFileSync(join(root, 'src/lib/metrics.ts'), 'utf8')).to.contain(
      `'${annotations['prometheus.io/path']}'`,
    )
  })

  it('routes PUBLIC_ORIGIN through the Ingress and the Service to the pods', () => {
    const service = find('Service')
    const { rules, tls } = find('Ingress').spec
    const { backend } = rules[0].http.paths[0]
    expect(`https://${rules[0].host}`).to.equal(settings.PUBLIC_ORIGIN)
    expect(tls[0].hosts).to.deep.equal([rules[0].host])
    expect(backend.service.name).to.equal(service.metadata.name)
    expect(service.spec.ports.map(({ name }: Manifest) => name)).to.include(backend.service.port.name)
    for (const { targetPort } of service.spec.ports) expect([...ports.keys()]).to.include(targetPort)
    for (const { selector } of [
      service.spec,
      { selector: find('PodDisruptionBudget').spec.selector.matchLabels },
    ]) {
      expect(pod.metadata.labels).to.include(selector)
    }
    expect(pod.metadata.labels).to.include(find('Deployment').spec.selector.matchLabels)
    expect(find('Job').spec.template.metadata.labels, 'the Service selects no migration pod').to.not.include(
      service.spec.selector,
    )
  })

  it('does not buffer streams, and does not repeat requests that are not idempotent', () => {
    const { annotations } = find('Ingress').metadata
    const of = (name: string) => annotations[`nginx.ingress.kubernetes.io/${name}`] as string
    expect(of('proxy-buffering')).to.equal('off')
    expect(Number(of('proxy-read-timeout'))).to.be.above(60)
    expect(of('proxy-next-upstream')).to.not.contain('non_idempotent')
  })

  it('runs at least two pods, replaces them without a gap, and gives each enough time to shut down', () => {
    const { scaleTargetRef, minReplicas } = find('HorizontalPodAutoscaler').spec
    expect(scaleTargetRef).to.include({ kind: 'Deployment', name: find('Deployment').metadata.name })
    expect(minReplicas).to.be.at.least(2)
    expect(find('Deployment').spec.strategy.rollingUpdate.maxUnavailable).to.equal(0)
    const pause = Number(container.lifecycle.preStop.exec.command[1])
    expect(pod.spec.terminationGracePeriodSeconds * 1000).to.be.above(pause * 1000 + shutdownMs())
  })

  it('runs containers as an ordinary user, without capabilities or service account token', () => {
    for (const { spec } of [pod, find('Job').spec.template]) {
      expect(spec.securityContext).to.deep.include({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect(spec.automountServiceAccountToken).to.equal(false)
      for (const { securityContext, resources } of spec.containers) {
        expect(securityContext).to.deep.equal({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(resources.limits).to.have.property('memory')
      }
    }
  })

  it('runs an existing file in the migration job', () => {
    const [program, file] = find('Job').spec.template.spec.containers[0].command
    expect([program, existsSync(join(root, file))]).to.deep.equal(['node', true])
  })
})
