/** The script of the SharedWorker that keeps one stream for all tabs of a person. Its name ends with the person's id. */
import { createJointStream } from './joint-stream.ts'
import { holdLock, portOf, type FromPage, type Lock, type ToPage } from './messages.ts'

const scope = globalThis as unknown as EventTarget & { name: string }
const stream = createJointStream(scope.name.split(' ').at(-1) ?? '')

const lock = new Promise<Lock>((resolve) => holdLock(resolve))

scope.addEventListener('connect', (event) => {
  const [port] = (event as MessageEvent).ports
  const tab = portOf<ToPage, FromPage>(port!)
  stream.add(tab)
  void lock.then(tab.send)
})
