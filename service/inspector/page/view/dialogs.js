/** Dialogs as the browser has them: the rest of the page is inert, Escape closes, and the focus returns by itself. */

/**
 * Lets a dialog be closed by its buttons that say so, and by a press beside it.
 * @param {HTMLDialogElement} dialog
 * @param {() => void} [closed]
 */
export function prepareDialog(dialog, closed) {
  let wasPressedBeside = false;
  dialog.addEventListener("pointerdown", (event) => {
    wasPressedBeside = event.target === dialog;
  });
  dialog.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if ((target === dialog && wasPressedBeside) || target.closest("[data-close]")) dialog.close();
  });
  if (closed) dialog.addEventListener("close", closed);
}

/** @returns {boolean} whether a dialog is open: then keys belong to it */
export function isDialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}
