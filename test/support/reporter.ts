import Mocha from 'mocha'

/** Mocha's `spec` reporter, with the result on one last line for scripts. */
export default class Reporter extends Mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue()
    const { passes, failures } = this.stats
    console.log(`${passes} passed, ${failures} failed`)
  }
}
