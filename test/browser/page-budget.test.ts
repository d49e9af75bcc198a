import { expect } from 'chai'
import { formatBudgets, isOver } from '../../bench/budgets/budget.ts'
import { measureHomePage } from '../../bench/budgets/home-page.ts'
import { useSite } from '../support/site.ts'

describe('the home page', () => {
  const { guest } = useSite()

  it('keeps the budgets for requests and layout shift', async function () {
    this.timeout(90_000)
    const figures = await measureHomePage({ origin: guest.origin, events: 12 })
    expect(figures.filter((figure) => figure.enforced && isOver(figure))).to.deep.equal([])
    const requests = figures.find(({ name }) => name.startsWith('requests besides'))
    expect(requests?.value, 'the page, its style, its script and its stream').to.be.at.least(4)
    expect(formatBudgets(figures)).to.match(/\nbudgets: 6 figures, \d over$/)
  })
})
