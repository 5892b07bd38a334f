// @ts-check
/** Which key does what on the label page. */

/**
 * @typedef {{act: "answer", choice: string}
 *         | {act: "undo" | "help" | "mirror" | "zoom" | "closer" | "farther"}
 *         | {act: "move", x: number, y: number}} Action
 *
 * @typedef {object} Layout
 * @property {string[]} keys by choice; names of keys or of places on the keyboard
 * @property {string} unsure
 */

export const UNSURE = "unsure";

/**
 * @param {string[]} values of the choices, in display order
 * @param {Layout} layout
 * @returns {Map<string, Action>} by KeyboardEvent.key (letters in lower case) or .code
 */
export function keyMap(values, layout) {
  /** @type {Map<string, Action>} */
  const map = new Map();
  for (const key of ["z", "Backspace"]) map.set(key, { act: "undo" });
  // A key for each hand: the other one answers.
  for (const key of ["m", "c"]) map.set(key, { act: "mirror" });
  map.set("x", { act: "zoom" });
  for (const key of ["+", "="]) map.set(key, { act: "closer" });
  map.set("-", { act: "farther" });
  map.set("?", { act: "help" });
  for (const key of ["u", "0", " "]) map.set(key, { act: "answer", choice: UNSURE });
  values.forEach((choice, index) => {
    if (index < 9) map.set(String(index + 1), { act: "answer", choice });
  });
  // The layout comes last: it wins.
  map.set(plain(layout.unsure), { act: "answer", choice: UNSURE });
  layout.keys.forEach((key, index) => map.set(plain(key), { act: "answer", choice: values[index] }));
  const down = map.get("ArrowDown");
  if (down && !map.has("ArrowUp")) map.set("ArrowUp", down);
  return map;
}

/** @param {string} key */
const plain = (key) => (key.length === 1 ? key.toLowerCase() : key);

/** @type {Record<string, Action>} */
const SHIFTED = {
  ArrowLeft: { act: "move", x: -1, y: 0 },
  ArrowRight: { act: "move", x: 1, y: 0 },
  ArrowUp: { act: "move", x: 0, y: -1 },
  ArrowDown: { act: "move", x: 0, y: 1 },
};

/**
 * @param {() => Map<string, Action>} map as it is when a key is pressed
 * @param {{press: (action: Action) => void, release: (action: Action) => void,
 *          isOff: () => boolean}} handlers
 */
export function listen(map, { press, release, isOff }) {
  /** @param {KeyboardEvent} event */
  const meant = (event) =>
    (event.shiftKey ? SHIFTED[event.key] : undefined) ??
    map().get(event.code) ??
    map().get(plain(event.key));

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
    if (!event.repeat || action.act === "move") press(action);
  });
  document.addEventListener("keyup", (event) => {
    const action = meant(event);
    if (action) release(action);
  });
}

/** @param {KeyboardEvent} event */
export function belongsElsewhere(event) {
  if (document.querySelector("dialog[open]")) return true;
  if (!(event.target instanceof Element)) return false;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return true;
  const isPressing = event.key === " " || event.key === "Enter";
  return isPressing && event.target.closest("a, button, summary") !== null;
}
