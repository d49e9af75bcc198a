import type { Clock } from '../../src/lib/clock.ts'
import type { LogReader } from '../../src/stream/log/reader.ts'
import { createArchive } from '../../src/stream/replay/archive.ts'
import { createHub } from '../../src/stream/relay/hub.ts'
import { createListener } from '../../src/stream/relay/listener.ts'
import { createLimiter } from '../../src/lib/limiter.ts'
import type { RelayQueue } from '../../src/stream/relay/relay-queue.ts'
import { createTopicIndex, type TopicIndex } from '../../src/stream/replay/topic-index.ts'
import { productionParts, type Parts } from '../../bench/simulate/parts.ts'

const { createCore, startLifecycle } = productionParts

/** Rows were read one page after the other and filtered in JavaScript: 800,000 took 41 s. */
const OLD_PAGE = 250
const OLD_ROW_MS = 0.05

function slowIndex(
  index: TopicIndex,
  { reader, clock, position }: { reader: LogReader; clock: Clock; position: () => number },
): TopicIndex {
  return {
    ...index,
    async find(seq, topics, limit) {
      for (let start = seq + 1; start <= position(); start += OLD_PAGE) {
        const end = Math.min(start + OLD_PAGE - 1, position())
        await new Promise<void>((resolve) => clock.after((end - start) * OLD_ROW_MS, resolve))
        const page = await reader.readTopics(start, end)
        if (seq < page.oldest - 1) return null
        const seqs = [...page.topics.matchAll(/(\d+)\{([^}]*)\}/g)]
          .filter(([, , names]) => names!.split(',').some((name) => topics.has(name)))
          .map(([, number]) => Number(number))
        if (seqs.length > 0)
          return { seqs: seqs.slice(0, limit), through: seqs.length > limit ? seqs[limit - 1]! : end }
      }
      return { seqs: [], through: Math.max(seq, position()) }
    },
  }
}

/** A replay reads every row after its cursor, and sends nothing meanwhile. */
export const slowReplay: Parts = {
  ...productionParts,
  createCore(deps) {
    const core = createCore(deps)
    const index = slowIndex(core.index, {
      reader: deps.replayReader,
      clock: deps.clock,
      position: core.hub.position,
    })
    return { ...core, index }
  },
  startLifecycle(options) {
    const { hub } = options
    const subscribers = () => [...hub.subscribers()].filter((subscriber) => subscriber.state() === 'live')
    return startLifecycle({ ...options, hub: { ...hub, subscribers } })
  },
}

/** A stream hears of changes of rights only once it is live. */
export const unheardRights: Parts = {
  ...productionParts,
  createCore(deps) {
    const core = createCore(deps)
    const { add } = core.hub
    core.hub.add = (subscriber) => {
      const { receiveRights } = subscriber
      subscriber.receiveRights = (row) => {
        if (subscriber.state() === 'live') receiveRights(row)
      }
      add(subscriber)
    }
    return core
  },
}

/** Whatever was read or heard is relayed in one turn of the event loop. */
export const unboundedRelay: Parts = {
  ...productionParts,
  createCore({ replayReader, ring, ...deps }) {
    const limiter = createLimiter(2, Infinity)
    const archive = createArchive(replayReader, limiter)
    const hub = createHub({ ring: ring!, onOutdated: archive.markOutdated })
    const index = createTopicIndex(replayReader, limiter, hub.position, deps.clock.now)
    const queue: RelayQueue = {
      push(rows) {
        for (const row of rows) hub.relay(row)
      },
      hasRoom: () => true,
      room: () => Promise.resolve(),
      clear() {},
    }
    const handler = {
      ...hub,
      accept() {},
      listenLost() {},
      reset(seq: number) {
        index.clear()
        archive.clear()
        hub.reset(seq)
      },
    }
    return { hub, index, archive, listener: createListener({ ...deps, queue, handler }), clock: deps.clock }
  },
}

/** What was read of a post is kept when the post is edited or deleted. */
export const outdatedText: Parts = {
  ...productionParts,
  createCore(deps) {
    const ring = { ...deps.ring!, markOutdated() {} }
    return createCore({ ...deps, ring })
  },
}
