import { startLifecycle } from '../../src/stream/lifecycle.ts'
import { replay } from '../../src/stream/replay/replay.ts'
import { createCore } from '../../src/stream/streaming.ts'

/** What is simulated; a test puts defects back by replacing some of it. */
export interface Parts {
  createCore: typeof createCore
  startLifecycle: typeof startLifecycle
  replay: typeof replay
}

export const productionParts: Parts = { createCore, startLifecycle, replay }
