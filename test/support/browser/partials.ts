/** A test bundles this to render a partial in a browser with the code of the page. */
import { renderPartial } from '../../../src/browser/page/render.ts'

Object.assign(globalThis, { renderPartial })
