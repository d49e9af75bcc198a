import type { Command } from 'commander'
import type { RunDirect } from '../site.ts'
import { ALL_CHECKS, findFaults, repairFaults, type Finding } from './verify.ts'

/** Faults of one check that are printed. */
const MAX_SHOWN = 10

export function addVerifyCommand(program: Command, run: RunDirect): void {
  program
    .command('verify')
    .description('Check that counters, entries and the log agree with the rows. It changes nothing.')
    .option('--repair', 'compute wrong values again; open pages follow')
    .addHelpText('after', `\nIt checks:\n${ALL_CHECKS.map(describe).join('\n')}`)
    .action(({ repair = false }: { repair?: boolean }) =>
      run(async (client) => {
        const findings = await findFaults(client)
        print(findings)
        if (repair && hasFaults(findings)) {
          const failed = await repairFaults(client, findings)
          for (const { fault, reason } of failed) console.log(`Not repaired: ${fault} (${reason})`)
          const left = await findFaults(client)
          console.log(hasFaults(left) ? 'Faults that are left:' : 'All faults are repaired.')
          if (hasFaults(left)) print(left)
          process.exitCode = hasFaults(left) ? 1 : 0
        } else if (hasFaults(findings)) {
          console.log('Run it again with --repair to repair these faults.')
          process.exitCode = 1
        }
      }),
    )
}

function describe({ name, promise }: { name: string; promise: string }): string {
  return `  ${name}: ${promise}`
}

function hasFaults(findings: readonly Finding[]): boolean {
  return findings.some(({ faults }) => faults.length > 0)
}

function print(findings: readonly Finding[]): void {
  for (const { check, faults } of findings) {
    console.log(`${check.name}: ${faults.length === 0 ? 'ok' : `${faults.length} wrong`}`)
    for (const { fault } of faults.slice(0, MAX_SHOWN)) console.log(`  ${fault}`)
    if (faults.length > MAX_SHOWN) console.log(`  and ${faults.length - MAX_SHOWN} more`)
  }
}
