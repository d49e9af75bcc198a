import { expect } from 'chai'
import { networkOf } from '../../src/web/address.ts'

describe('networkOf', () => {
  const networks: [string, string][] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['192.0.2.7:4711', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', 'unknown'],
    ['evil\r\nkey', 'unknown'],
    ['999.1.1.1', 'unknown'],
    ['010.0.0.1', 'unknown'],
  ]
  for (const [address, network] of networks) {
    it(`maps ${JSON.stringify(address)} to ${network}`, () => {
      expect(networkOf(address)).to.equal(network)
    })
  }
})
