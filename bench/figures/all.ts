import type { Measurement } from '../harness/figure.ts'
import { pages } from './pages.ts'

/** In the order of the table. */
export const measurements: Measurement[] = [pages]
