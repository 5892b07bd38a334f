// @ts-check
/** The form that asks for a face to be turned, in even steps to both sides. */

const SETTINGS = ["closed_loop", "hold_light"];

/**
 * Only a closed loop can hold the light; a walk does both by itself.
 * @param {HTMLFormElement} form
 */
export function wireSettings(form) {
  const loop = form.elements.namedItem("closed_loop"), hold = form.elements.namedItem("hold_light");
  const walk = form.elements.namedItem("walk");
  if (!(loop instanceof HTMLInputElement && hold instanceof HTMLInputElement)) return;
  if (!(walk instanceof HTMLInputElement)) return;
  const follow = () => {
    loop.disabled = walk.checked;
    if (walk.checked) loop.checked = false;
    hold.disabled = !loop.checked;
    if (!loop.checked) hold.checked = false;
  };
  loop.addEventListener("input", follow);
  walk.addEventListener("input", follow);
  follow();
}

/**
 * @param {HTMLFormElement} form
 * @param {number} direction
 */
export function turnBody(form, direction) {
  const fields = new FormData(form);
  const reach = Number(fields.get("reach")), step = Number(fields.get("step"));
  const n = Math.floor(reach / step);
  const settings = SETTINGS.filter((name) => fields.has(name));
  return {
    kind: "rotation",
    direction,
    face: Number(fields.get("face")),
    degrees: Array.from({ length: 2 * n + 1 }, (_, index) => (index - n) * step),
    ...Object.fromEntries(settings.map((name) => [name, true])),
    ...(fields.has("walk") ? { path: "walk" } : {}),
  };
}
