/** Bundled for a test: lets it render a partial in a browser exactly as the page does. */
import { renderPartial } from '../../src/browser/page/render.ts'

Object.assign(globalThis, { renderPartial })
