import { startLifecycle } from '../../src/stream/lifecycle.ts'
import { replay } from '../../src/stream/replay/replay.ts'
import { createCore } from '../../src/stream/streaming.ts'

/** The simulated parts. A test replaces some of them by versions with a defect. */
export interface Parts {
  createCore: typeof createCore
  startLifecycle: typeof startLifecycle
  replay: typeof replay
}

export const productionParts: Parts = { createCore, startLifecycle, replay }
