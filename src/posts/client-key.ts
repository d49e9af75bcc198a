import { Invalid } from '../lib/errors.ts'

/**
 * The `client_key` belongs to an earlier post or comment with another text. The form is shown again with a new key, so
 * the author can send it once more.
 */
export class ClientKeyReused extends Invalid {
  constructor() {
    super({
      body: 'You have already sent another text with this form. Please send it again',
      client_key: 'This key belongs to an earlier post or comment',
    })
  }
}
