/** Passwords, tokens and cookies that this run used. No log may contain them; global.ts checks it. */
export const secrets = new Set<string>()

/** Records a secret. Skips short values and values that look like user names, which logs may contain. */
export function keepSecret(secret: string): string {
  if (secret.length >= 12 && !/^\w{1,15}$/.test(secret)) secrets.add(secret)
  return secret
}
