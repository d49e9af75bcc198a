import type { Bench } from '../bench.ts'
import type { Shares } from '../figure.ts'
import type { Server } from '../servers/instance.ts'
import { rawRequest, type LoadResult } from './load.ts'
import { writingHeaders } from './people.ts'

/** More than any server answers per second, so that no connection runs out of requests. */
const MAX_RATE = 12_000
const MAX_RATE_OF_ONE = 1_500

/** Gives each connection likes that nobody has sent before. */
export interface Likes {
  /** The connections are spread over the servers. */
  run(servers: Server[], connections: number, seconds: number): Promise<LoadResult & { shares: Shares }>
}

/**
 * Each connection belongs to one person and likes one post after another, each another post than its neighbours. A few
 * pairs (1.5 in 100) are in the data set already, and such a like changes nothing.
 */
export function createLikes({ size, runLoad }: Bench): Likes {
  let nextPerson = 0
  const used = Array.from({ length: size.people }, () => 0)
  return {
    async run(servers, connections, seconds) {
      const rate = Math.min(MAX_RATE_OF_ONE, MAX_RATE / connections)
      const count = Math.min(Math.ceil((seconds + 1) * rate), size.posts)
      const requests = await Promise.all(
        Array.from({ length: connections }, async (_, n) => {
          const person = nextPerson++ % size.people
          const headers = {
            ...(await writingHeaders(servers[n % servers.length]!, person + 1)),
            Prefer: 'return=minimal', // as the page sends it
          }
          const first = person * 157 + used[person]!
          used[person]! += count
          return Array.from({ length: count }, (_, k) =>
            rawRequest('POST', `/posts/${((first + k) % size.posts) + 1}/like`, headers, {}),
          )
        }),
      )
      return runLoad(servers, {
        connections: requests,
        seconds,
        cycle: false,
        warmUpSeconds: 0.5,
        status: 204,
      })
    },
  }
}
