// @ts-check
/** Which key does what on the label page. */

/**
 * @typedef {{act: "answer", choice: string} | {act: "undo" | "help" | "mirror"}} Action
 * @typedef {{value: string, key: string}} Choice
 */

export const UNSURE = "unsure";

/**
 * @param {Choice[]} choices in display order
 * @returns {Map<string, Action>} by KeyboardEvent.key; letters in lower case
 */
export function keyMap(choices) {
  /** @type {Map<string, Action>} */
  const map = new Map();
  for (const key of ["u", "0", " "]) map.set(key, { act: "answer", choice: UNSURE });
  for (const key of ["z", "Backspace"]) map.set(key, { act: "undo" });
  map.set("m", { act: "mirror" });
  map.set("?", { act: "help" });
  choices.forEach(({ value }, index) => {
    if (index < 9) map.set(String(index + 1), { act: "answer", choice: value });
  });
  // The campaign's own keys come last: they win.
  for (const { value, key } of choices) {
    map.set(key.length === 1 ? key.toLowerCase() : key, { act: "answer", choice: value });
  }
  const down = map.get("ArrowDown");
  if (down && !map.has("ArrowUp")) map.set("ArrowUp", down);
  return map;
}

/**
 * @param {Map<string, Action>} map
 * @param {{press: (action: Action) => void, release: (action: Action) => void,
 *          isOff: () => boolean}} handlers
 */
export function listen(map, { press, release, isOff }) {
  /** @param {KeyboardEvent} event */
  const meant = (event) => map.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || belongsElsewhere(event)) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
      event.preventDefault();
      press({ act: "undo" });
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isOff()) return;
    const action = meant(event);
    if (!action) return;
    event.preventDefault();
    // A key held down is one answer, not thirty.
    if (!event.repeat) press(action);
  });
  document.addEventListener("keyup", (event) => {
    const action = meant(event);
    if (action) release(action);
  });
}

/** @param {KeyboardEvent} event */
function belongsElsewhere(event) {
  if (document.querySelector("dialog[open]")) return true;
  if (!(event.target instanceof Element)) return false;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return true;
  const isPressing = event.key === " " || event.key === "Enter";
  return isPressing && event.target.closest("a, button, summary") !== null;
}
