import { createServer, type Server } from 'node:http'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** A number that is read when somebody asks. */
export interface Reading {
  name: string
  help: string
  read(): number
}

/** Serves `GET /metrics` in the Prometheus text format, on a port of its own that no balancer reaches. */
export function createMetricsServer(readings: Reading[]): Server {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const { name, help, read } of readings) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }
  return createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    void registry.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
}
