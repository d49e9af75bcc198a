/** Asks a question in a dialog. Resolves to true for the button `yes`, and to false for `no` or Escape. */
export function confirm(
  question: string,
  { yes, no = 'Cancel' }: { yes: string; no?: string },
): Promise<boolean> {
  const dialog = document.createElement('dialog')
  dialog.setAttribute('aria-labelledby', 'question')
  dialog.innerHTML =
    '<form method="dialog"><p id="question"></p><p class="form-foot">' +
    '<button class="btn btn-danger btn-sm" value="yes"></button> ' +
    '<button class="btn btn-light btn-sm" value="no" autofocus></button></p></form>'
  const [text, , yesButton, noButton] = dialog.querySelectorAll('p, button')
  text!.textContent = question
  yesButton!.textContent = yes
  noButton!.textContent = no
  document.body.append(dialog)
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
  })
}
