import { showError } from '../page/api.ts'

const SHOWN_MS = 20_000

export interface UndoOptions {
  /** Returns the element that the undo has shown. Null if there is nothing to undo. */
  undo: (() => Promise<HTMLElement | null>) | null
  /** Whether the button gets the focus. Otherwise a person at the keyboard could not reach it in time. */
  focus: boolean
  /** Gets the focus that the deleted element had. */
  neighbour: HTMLElement | null
}

/** Announces a deletion for 20 s, with a button that undoes it. The message stays as long as the button has the focus. */
export function offerUndo(message: string, { undo, focus, neighbour }: UndoOptions): void {
  const line = document.createElement('p')
  line.className = 'toast-line'
  line.textContent = message
  document.getElementById('toasts')?.append(line)
  const target = neighbour?.isConnected ? neighbour : document.querySelector<HTMLElement>('main')
  const button = undo && appendButton(line)
  const timer = setInterval(() => {
    if (document.activeElement !== button) close()
  }, SHOWN_MS)
  ;(focus && button ? button : target)?.focus({ preventScroll: true })

  function close(): void {
    clearInterval(timer)
    line.remove()
  }

  async function act(): Promise<void> {
    button!.disabled = true
    try {
      const shown = await undo!()
      close()
      ;(shown ?? target)?.focus({ preventScroll: true })
    } catch (error) {
      // The button stays: the text would be lost without it.
      button!.disabled = false
      showError(error)
    }
  }

  button?.addEventListener('click', () => void act())
  button?.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape') return
    close()
    target?.focus({ preventScroll: true })
  })
}

function appendButton(line: Element): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'undo'
  button.textContent = 'Undo'
  line.append(' ', button)
  return button
}
