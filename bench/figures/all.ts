import type { Measurement } from '../harness/figure.ts'
import { pages } from './pages.ts'
import { post } from './post.ts'
import { start } from './start.ts'

/** In the order of the table. */
export const measurements: Measurement[] = [pages, start, post]
