import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Each set of labels costs the monitoring memory, so a label must have few values: never an id, a name or a path. */
export type Labels<Name extends string = string> = Readonly<Record<Name, string>>

/** A value, or a value for each set of labels. */
export type Reading = number | readonly (readonly [labels: Labels, value: number])[]

/** The metrics of one instance. Names follow https://prometheus.io/docs/practices/naming/. */
export interface Metrics {
  /** Adds a value that may rise and fall. It is read at each request for the metrics. */
  gauge(name: string, help: string, read: () => Reading): void
  /** Adds a value that only rises, which something else counts. The name ends with `_total`. */
  total(name: string, help: string, read: () => Reading): void
  /** Adds a count, and returns the function that increases it by one. The name ends with `_total`. */
  counter<Name extends string>(
    name: string,
    help: string,
    labelNames: readonly Name[],
  ): (labels: Labels<Name>) => void
  /** Adds a distribution, and returns the function that adds a value to it. */
  histogram<Name extends string = never>(
    name: string,
    help: string,
    options: { buckets: readonly number[]; labelNames?: readonly Name[] },
  ): (value: number, labels?: Labels<Name>) => void
  /** All metrics as Prometheus text. */
  text(): Promise<string>
  contentType: string
}

/** Creates the metrics of an instance: those of Node, and what is added. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  return {
    gauge(name, help, read) {
      const labelNames = labelNamesOf(read())
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect: () => readAll(read(), (labels, value) => gauge.set(labels, value)),
      })
    },
    total(name, help, read) {
      const labelNames = labelNamesOf(read())
      const counter: Counter = new Counter({
        name,
        help,
        labelNames,
        registers,
        collect() {
          counter.reset()
          readAll(read(), (labels, value) => counter.inc(labels, value))
        },
      })
    },
    counter(name, help, labelNames) {
      const counter = new Counter({ name, help, labelNames, registers })
      return (labels) => counter.inc(labels)
    },
    histogram(name, help, { buckets, labelNames = [] }) {
      const histogram: Histogram = new Histogram({ name, help, buckets: [...buckets], labelNames, registers })
      return (value, labels) => histogram.observe(labels ?? {}, value)
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

function labelNamesOf(reading: Reading): string[] {
  return typeof reading === 'number' ? [] : Object.keys(reading[0]?.[0] ?? {})
}

function readAll(reading: Reading, set: (labels: Labels, value: number) => void): void {
  if (typeof reading === 'number') return set({}, reading)
  for (const [labels, value] of reading) set(labels, value)
}

/** Creates a server for `GET /metrics`. Its port must not be public. */
export function createMetricsServer(metrics: Metrics): Server {
  return createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    void metrics.text().then(
      (text) => response.writeHead(200, { 'Content-Type': metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
}
