import { groups, people } from './people.ts'
import type { Random } from './random.ts'
import type { Thread } from './thread.ts'

/** An action of a user. `thread` and `comment` are indexes in the lists of threads and of a thread's comments. */
export type Action = { at: Date; by: string; thread: number } & (
  | { what: 'post'; body: string; group: string | null }
  | { what: 'comment'; comment: number; body: string }
  | { what: 'like' }
  | { what: 'comment like'; comment: number }
)

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Converts the threads to actions in order of time. None is later than `now`. */
export function playThreads(threads: Thread[], random: Random, now: Date): Action[] {
  return threads
    .flatMap((thread, index) => play(thread, index, random, now))
    .sort((a, b) => a.at.getTime() - b.at.getTime())
}

/** Each user follows the authors of the posts that they comment on, and a few random users. */
export function chooseFollows(threads: Thread[], random: Random): [follower: string, followed: string][] {
  const names = people.map(({ username }) => username)
  return names.flatMap((name) => {
    const answered = threads.filter(({ comments = [] }) => comments.some(([by]) => by === name))
    const more = random.some(names, random.whole(4, 9))
    const followed = new Set([...answered.map(({ by }) => by), ...more])
    followed.delete(name)
    return [...followed].map((other): [string, string] => [name, other])
  })
}

function play(thread: Thread, index: number, random: Random, now: Date): Action[] {
  const { by, body, group = null, comments = [] } = thread
  const posted = timeOf(thread.when, now)
  const readers = readersOf(thread)
  const between = (start: Date, hours: number) => {
    const span = Math.min(hours * HOUR, now.getTime() - start.getTime())
    return new Date(start.getTime() + span * (0.02 + 0.96 * random.next()))
  }
  const likes = random
    .some(
      readers.filter((name) => name !== by),
      thread.likes,
    )
    .map((name): Action => ({ what: 'like', at: between(posted, 30), by: name, thread: index }))
  const times = comments.map(() => between(posted, 9)).sort((a, b) => a.getTime() - b.getTime())
  const answers = comments.flatMap(([name, text], i): Action[] => {
    const at = times[i] ?? now
    const fans = random.some(
      readers.filter((reader) => reader !== name),
      random.whole(0, 4),
    )
    return [
      { what: 'comment', at, by: name, thread: index, comment: i, body: text },
      ...fans.map((fan): Action => {
        return { what: 'comment like', at: between(at, 9), by: fan, thread: index, comment: i }
      }),
    ]
  })
  return [{ what: 'post', at: posted, by, thread: index, body, group }, ...likes, ...answers]
}

function readersOf({ group }: Thread): string[] {
  const members = groups.find(({ name }) => name === group)?.members
  return members ?? people.map(({ username }) => username)
}

function timeOf(when: string, now: Date): Date {
  const [, count = '0', unit = '', clock = ''] = /^(\d+)([mhd])(?: (\d\d:\d\d))?$/.exec(when) ?? []
  const ago = Number(count) * (unit === 'd' ? DAY : unit === 'h' ? HOUR : MINUTE)
  const then = new Date(now.getTime() - ago)
  return clock ? new Date(`${then.toISOString().slice(0, 10)}T${clock}:00Z`) : then
}
