// @ts-check
/** Copy a link that is shown once, and keep a reload of its page from making another one. */

/** @type {HTMLElement | null} */
const once = document.querySelector("[data-once]");
if (once) {
  // The page answered a form: reloading would send that again. From now on it reloads as itself.
  history.replaceState(null, "", once.dataset.once);
  const field = once.querySelector("[data-copy-from]");
  const button = once.querySelector("[data-copy]");
  const said = once.querySelector("[data-copy-said]");
  if (field instanceof HTMLInputElement && button instanceof HTMLButtonElement) {
    field.addEventListener("focus", () => field.select());
    button.hidden = false;
    button.focus();
    button.addEventListener("click", async () => {
      button.textContent = (await copy(field)) ? "Copied" : "Press Ctrl+C";
      if (said) said.textContent = `${button.textContent}.`;
    });
  }
}

/**
 * Put the field's text on the clipboard. Over plain HTTP a browser lends its clipboard to nobody,
 * and the selected text is there for the person's own keys.
 *
 * @param {HTMLInputElement} field
 * @returns {Promise<boolean>} whether it is there
 */
async function copy(field) {
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return false;
  }
}
