/** Names that could be mistaken for a part of the site, or that a route may need later. */
const RESERVED = new Set(
  `about account admin administrator all anonymous api app assets auth blog build comment comments contact css
  everyone favicon feed feeds follow followers following group groups guest health help home host hostmaster icons
  images info koafeed likes livez login logout mail me metrics mod moderator new nobody null official owner password
  people post postmaster posts privacy profile public readyz register root search security service session sessions settings
  signin signout signup site static status stream support system team terms undefined user users webmaster www`.split(
    /\s+/,
  ),
)

export function isReserved(name: string): boolean {
  return RESERVED.has(name)
}
