import { Invalid } from '../lib/errors.ts'

/**
 * The `client_key` belongs to an earlier post or comment with another text. The form is shown again with a new key, so
 * the author can send it once more.
 */
export class ClientKeyReused extends Invalid {
  constructor() {
    super({
      body: 'This form has sent something else before. Please send it once more',
      client_key: 'This key belongs to an earlier entry',
    })
  }
}
