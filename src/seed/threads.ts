import type { Thread } from './thread.ts'
import { earlier } from './threads-earlier.ts'
import { first } from './threads-first.ts'
import { grouped } from './threads-groups.ts'
import { latest } from './threads-latest.ts'

export const threads: Thread[] = [...first, ...earlier, ...latest, ...grouped]
