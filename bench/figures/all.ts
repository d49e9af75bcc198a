import type { Measurement } from '../harness/figure.ts'
import { listeners, slowFlush } from './commits.ts'
import { fanOut } from './fan-out.ts'
import { home } from './home.ts'
import { idle } from './idle.ts'
import { likes } from './likes.ts'
import { memory } from './memory.ts'
import { pages } from './pages.ts'
import { post } from './post.ts'
import { rows } from './rows.ts'
import { start } from './start.ts'
import { wire } from './wire.ts'

/** In the order of the table. */
export const measurements: Measurement[] = [
  pages,
  home,
  start,
  likes,
  rows,
  slowFlush,
  listeners,
  memory,
  wire,
  fanOut,
  post,
  idle,
]
