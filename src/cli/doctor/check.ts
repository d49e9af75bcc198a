/** `warning`: the site works, but something will fail under load or later. */
export type Status = 'ok' | 'warning' | 'failed'

export interface Result {
  status: Status
  message: string
}

export interface DoctorCheck {
  name: string
  run(): Promise<Result>
}

export const ok = (message: string): Result => ({ status: 'ok', message })
export const warning = (message: string): Result => ({ status: 'warning', message })
export const failed = (message: string): Result => ({ status: 'failed', message })

/** Runs a check. Any error is a failure with the message of the error. */
export async function runCheck({ run }: DoctorCheck): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    return failed(message || code || String(error))
  }
}
