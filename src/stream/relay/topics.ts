import type { LogRow } from '../log/events.ts'
import type { Frame } from '../log/frame.ts'
import type { Subscriber } from '../clients/subscriber.ts'

/** Which streams get the events of which topics. */
export interface Topics {
  join(topic: string, subscriber: Subscriber): void
  leave(topic: string, subscriber: Subscriber): void
  /** Delivers a frame, or applies the change of rights that it holds. */
  dispatch(frame: Frame): void
  /** Acts on a change of rights that cannot be relayed yet; see `Subscriber.receiveRights`. */
  receiveEarly(row: LogRow): void
}

export function createTopics(): Topics {
  const byTopic = new Map<string, Set<Subscriber>>()

  function join(topic: string, subscriber: Subscriber): void {
    const members = byTopic.get(topic)
    if (members) members.add(subscriber)
    else byTopic.set(topic, new Set([subscriber]))
  }

  function leave(topic: string, subscriber: Subscriber): void {
    const members = byTopic.get(topic)
    members?.delete(subscriber)
    if (members?.size === 0) byTopic.delete(topic)
  }

  function applyRights(row: LogRow, subscriber: Subscriber): void {
    const change = subscriber.applyRights(row)
    if (change === null) return
    if (change.added) join(change.topic, subscriber)
    else leave(change.topic, subscriber)
    subscriber.reset(row.seq)
  }

  return {
    join,
    leave,
    dispatch(frame) {
      for (const topic of frame.topics) {
        for (const subscriber of byTopic.get(topic) ?? []) {
          const isLive = subscriber.state() === 'live'
          if (frame.rights && isLive) applyRights(frame.rights, subscriber)
          else if (frame.rights) subscriber.receiveRights(frame.rights)
          else if (isLive) subscriber.deliver(frame)
        }
      }
    },
    receiveEarly(row) {
      for (const topic of row.topics) {
        for (const subscriber of byTopic.get(topic) ?? []) subscriber.receiveRights(row)
      }
    },
  }
}
