import { isIPv4, isIPv6 } from 'node:net'

/**
 * Returns the network that rate limits count: the IPv4 address, or the /64 prefix of an IPv6 address. A provider
 * assigns at least a /64 to each customer, who may use all addresses in it (RFC 6177). `unknown` if the address is
 * invalid.
 */
export function networkOf(address: string): string {
  const plain = address.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/%.*$/, '')
  const [, mapped = plain] = /^::ffff:([\d.]+)$/i.exec(plain) ?? []
  const [v4 = ''] = mapped.split(':')
  if (isIPv4(v4)) return v4
  if (!isIPv6(plain)) return 'unknown'
  return `${groupsOf(plain).slice(0, 4).join(':')}::/64`
}

/** Returns the eight groups of an IPv6 address, in hexadecimal without leading zeros. */
function groupsOf(address: string): string[] {
  const [head = '', tail = ''] = address.split('::')
  const [left, right] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = address.includes('::') ? 8 - left!.length - right!.length : 0
  return [...left!, ...Array.from({ length: zeros }, () => '0'), ...right!].map((group) =>
    Number.parseInt(group, 16).toString(16),
  )
}
