import { expect } from 'chai'
import { isOver } from '../../bench/budgets/budget.ts'
import { measureFiles } from '../../bench/budgets/files.ts'

describe('the built files', () => {
  it('keep the budgets', async () => {
    const figures = await measureFiles()
    expect(figures.filter(isOver)).to.deep.equal([])
    for (const { name, value } of figures) expect(value, name).to.be.greaterThan(100)
  })
})
