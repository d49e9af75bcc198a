/** Passwords, tokens and cookies that this run has used: no log may hold any of them (see global.ts). */
export const secrets = new Set<string>()

/** Short ones, and names taken for passwords, stand in logs by right. */
export function keepSecret(secret: string): string {
  if (secret.length >= 12 && !/^\w{1,15}$/.test(secret)) secrets.add(secret)
  return secret
}
