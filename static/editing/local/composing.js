// @ts-check
/** What an edit is made of beside its direction: the form's settings as a request says them. */

/** @typedef {{component: number, strength: number} | {direction: number, degrees: number}} Step */

/** @param {HTMLFormElement} form @param {string} name */
function control(form, name) {
  const found = form.elements.namedItem(name);
  return found instanceof HTMLInputElement || found instanceof HTMLSelectElement ? found : null;
}

/**
 * The steps of "compose": other directions with their strengths, and a turn of the head.
 * @param {HTMLFormElement} form
 * @returns {Step[]}
 */
function composed(form) {
  /** @type {Step[]} */
  const steps = Array.from(form.querySelectorAll("[data-steps] li"), (row) => ({
    component: Number(row.querySelector("select")?.value),
    strength: Number(row.querySelector("input")?.value),
  }));
  const turn = control(form, "turn")?.value;
  if (turn) steps.push({ direction: Number(turn), degrees: Number(control(form, "degrees")?.value) });
  return steps;
}

/**
 * The settings of a request, only what is said.
 * @param {HTMLFormElement} form
 */
export function settingsOf(form) {
  /** @type {Record<string, unknown>} */
  const told = { form: control(form, "form")?.value };
  for (const name of ["hold_outside", "adapt"]) {
    const box = control(form, name);
    if (box instanceof HTMLInputElement && box.checked) told[name] = true;
  }
  const edges = ["low", "high"].map((name) => control(form, name));
  // An edge that is left out stays where it usually is.
  if (edges.some((edge) => edge?.value))
    told.interval = edges.map((edge) => Number(edge?.value || (edge instanceof HTMLInputElement && edge.placeholder)));
  const steps = composed(form);
  if (steps.length) told.compose = steps;
  return told;
}

/**
 * The strengths from -reach to reach.
 * @param {HTMLFormElement} form
 */
export function strengthsOf(form) {
  const reach = Number(control(form, "reach")?.value), n = Number(control(form, "frames")?.value);
  return Array.from({ length: n }, (_, at) => Math.round(1e4 * reach * ((2 * at) / (n - 1) - 1)) / 1e4 || 0);
}

/**
 * Rows of further directions come and go; a turn has degrees; the closed part says what is in it.
 * @param {HTMLFormElement} form
 */
export function wireComposing(form) {
  const box = form.querySelector("[data-compose]"), list = box?.querySelector("[data-steps]");
  const add = box?.querySelector("[data-add]"), template = box?.querySelector("template");
  const note = form.querySelector("[data-composed]");
  const turn = control(form, "turn"), degrees = control(form, "degrees");

  const follow = () => {
    if (degrees) degrees.disabled = !turn?.value;
    const n = composed(form).length;
    const most = Number(box instanceof HTMLElement ? box.dataset.most : 0);
    if (add instanceof HTMLButtonElement) add.disabled = n >= most;
    if (!(note instanceof HTMLElement)) return;
    note.hidden = !n;
    note.textContent = `${n} more`;
  };
  add?.addEventListener("click", () => {
    if (!(template instanceof HTMLTemplateElement)) return;
    list?.append(template.content.cloneNode(true));
    list?.lastElementChild?.querySelector("select")?.focus();
    follow();
  });
  list?.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-remove]") : null;
    if (!button) return;
    button.closest("li")?.remove();
    if (add instanceof HTMLButtonElement) add.focus();
    follow();
  });
  turn?.addEventListener("input", follow);
  // A field that is refused must be seen.
  form.addEventListener("invalid", (event) => {
    const more = event.target instanceof Element ? event.target.closest("details") : null;
    if (more) more.open = true;
  }, true);
  follow();
}
