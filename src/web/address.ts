import { isIPv4, isIPv6 } from 'node:net'

/**
 * What counts as one place on the network: an IPv4 address, or the 64 bits of an IPv6 address that a provider hands
 * to one customer, who may use any of the addresses below (RFC 6177).
 */
export function networkOf(address: string): string {
  const plain = address.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/%.*$/, '')
  const [, mapped = plain] = /^::ffff:([\d.]+)$/i.exec(plain) ?? []
  const [v4 = ''] = mapped.split(':')
  if (isIPv4(v4)) return v4
  if (!isIPv6(plain)) return 'unknown'
  return `${groupsOf(plain).slice(0, 4).join(':')}::/64`
}

/** The eight numbers of an IPv6 address, in hex without leading zeros. */
function groupsOf(address: string): string[] {
  const [head = '', tail = ''] = address.split('::')
  const [left, right] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = address.includes('::') ? 8 - left!.length - right!.length : 0
  return [...left!, ...Array.from({ length: zeros }, () => '0'), ...right!].map((group) =>
    Number.parseInt(group, 16).toString(16),
  )
}
