import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type pg from 'pg'
import type { RunDirect } from '../site.ts'
import { SECTIONS } from './sections.ts'

export function addExportCommand(program: Command, run: RunDirect): void {
  program
    .command('export')
    .description(
      'Write the data of a person as JSON: account, picture, posts, comments, likes, groups, sessions.',
    )
    .argument('<username>')
    .option('--output <file>', 'write to a new file that only you can read, instead of standard output')
    .action((username: string, { output }: { output?: string }) =>
      run(async (client) => {
        const text = `${JSON.stringify(await exportPerson(client, username), null, 2)}\n`
        if (output === undefined) return void process.stdout.write(text)
        writeFileSync(output, text, { mode: 0o600, flag: 'wx' })
        console.error(`Wrote ${output}`)
      }),
    )
}

/**
 * Reads everything from one snapshot, and notes the export in the log of admins.
 * @throws Error if nobody has this username
 */
export async function exportPerson(
  client: pg.ClientBase,
  username: string,
): Promise<Record<string, unknown>> {
  await client.query('begin isolation level repeatable read')
  try {
    const { rows } = await client.query<{ id: string }>(
      `insert into admin_log (by_command, action, user_id)
       select true, 'account exported', id from users where username = lower($1) and deleted_at is null
       returning user_id as id`,
      [username],
    )
    if (!rows[0]) throw new Error('User not found')
    const data: Record<string, unknown> = {}
    for (const [name, query] of Object.entries(SECTIONS)) {
      const found = await client.query({ text: query, values: [rows[0].id], rowMode: 'array' })
      data[name] = (found.rows[0] as unknown[])[0]
    }
    await client.query('commit')
    return data
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}
