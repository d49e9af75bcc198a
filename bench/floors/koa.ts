/** Bare Koa that answers every request with the bytes of a file: `node bench/floors/koa.ts FILE CONTENT-TYPE`. */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'

const [file = '', type = 'text/html; charset=utf-8'] = process.argv.slice(2)
const body = readFileSync(file, 'utf8')
const app = new Koa()
app.use((ctx) => {
  ctx.type = type
  ctx.body = body
})
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())
