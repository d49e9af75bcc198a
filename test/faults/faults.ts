import * as database from './scenarios/database.ts'
import * as clients from './scenarios/clients.ts'
import * as load from './scenarios/load.ts'
import { commitLost } from './scenarios/commits.ts'
import { rowLocked } from './scenarios/locks.ts'
import * as replay from './scenarios/replay.ts'
import * as instances from './scenarios/instances.ts'
import type { Fault } from './run.ts'

/** The faults of the bench, in order. */
export const faults: Fault[] = [
  instances.death,
  instances.rollingRestart,
  instances.drain,
  database.listenCut,
  database.crash,
  commitLost,
  database.away,
  instances.startWithoutDatabase,
  instances.silence,
  instances.listenSilence,
  instances.freeze,
  clients.stalledClient,
  clients.reconnecting,
  clients.largePayloads,
  replay.oldCursors,
  replay.rightLost,
  replay.burst,
  replay.deletedPosts,
  load.lateCommits,
  load.poolExhausted,
  rowLocked,
  load.queueFull,
  database.wentBack,
]
