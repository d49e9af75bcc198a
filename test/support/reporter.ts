import Mocha from 'mocha'

/** Mocha's `spec`, with the result at the end alone on a line, as a machine reads it. */
export default class Reporter extends Mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue()
    const { passes, failures } = this.stats
    console.log(`${passes} passed, ${failures} failed`)
  }
}
