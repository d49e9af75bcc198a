/** Bare Koa that inserts one row per POST into the table `bare`, without triggers: `node bench/floors/insert.ts DATABASE-URL`. */
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import pg from 'pg'

const [connectionString = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString, max: 10 })
const app = new Koa()
app.use(async (ctx) => {
  const { rowCount } = await pool.query({ name: 'insert', text: 'insert into bare default values' })
  ctx.body = { inserted: rowCount }
})
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())
