import type { Measurement } from '../harness/figure.ts'
import { listeners, slowFlush } from './commits.ts'
import { home } from './home.ts'
import { likes } from './likes.ts'
import { pages } from './pages.ts'
import { post } from './post.ts'
import { rows } from './rows.ts'
import { start } from './start.ts'

/** In the order of the table. */
export const measurements: Measurement[] = [pages, home, start, likes, rows, slowFlush, listeners, post]
