import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * Returns the network that rate limits count: the IPv4 address, or the /64 prefix of an IPv6 address. A provider
 * assigns at least a /64 to each customer, who may use all addresses in it (RFC 6177). `unknown` if the address is
 * invalid.
 */
export function networkOf(address: string): string {
  const plain = address
    .replace(/^\[(.*)\](:\d+)?$/, '$1')
    .replace(/^([\d.]+):\d+$/, '$1')
    .replace(/%.*$/, '')
  // ipaddr.js alone would accept 010.0.0.1 and read it as octal.
  if (isIP(plain) === 0) return 'unknown'
  const ip = ipaddr.process(plain)
  if (ip instanceof ipaddr.IPv4) return ip.toString()
  const prefix = ip.parts.slice(0, 4).map((group) => group.toString(16))
  return `${prefix.join(':')}::/64`
}
