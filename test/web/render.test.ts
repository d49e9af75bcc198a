import { expect } from 'chai'
import { join } from 'node:path'
import { useDatabase } from '../support/database.ts'
import { client } from '../support/http.ts'
import { startInstance } from '../support/servers/instance.ts'

describe('an instance', () => {
  const database = useDatabase()

  it('compiles each template once, not once per page', async () => {
    const hook = join(import.meta.dirname, '../support/servers/log-compiles.ts')
    const instance = await startInstance({
      databaseUrl: database.url,
      env: { NODE_OPTIONS: `--import=${hook}` },
    })
    const guest = client(instance.origin)
    for (let n = 0; n < 3; n++) await guest.get('/public', { accept: 'text/html' })
    await guest.get('/login', { accept: 'text/html' })
    const compiled = [...instance.logs().matchAll(/^compiled (.*)$/gm)].map(([, path = '']) => path)
    expect(compiled.filter((path) => path.endsWith('/layout.njk'))).to.have.length(1)
    expect(compiled).to.have.length(new Set(compiled).size)
  })
})
