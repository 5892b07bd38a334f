// @ts-check
/** The import form: what labels need is asked for labels only, and a sent form is sent once. */

const form = document.querySelector("form[data-import]");
if (form instanceof HTMLFormElement) {
  const labels = form.querySelector("[data-labels]");
  const look = () => {
    const chosen = form.querySelector("input[name=kind]:checked");
    const isLabels = chosen instanceof HTMLInputElement && chosen.value === "labels";
    if (labels instanceof HTMLElement) labels.hidden = !isLabels;
  };
  form.addEventListener("change", look);
  look();

  form.addEventListener("submit", () => {
    const button = form.querySelector("button[type=submit]");
    if (!(button instanceof HTMLButtonElement)) return;
    button.textContent = "Sending";
    // Only after the form is under way, or the browser would not send it.
    setTimeout(() => (button.disabled = true));
  });
  // Out of the browser's page cache, the button must work again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
}
