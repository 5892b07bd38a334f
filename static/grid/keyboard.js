// @ts-check
/** The verify page by keyboard: arrows walk, choice keys mark, Enter confirms, X looks closer. */

import { belongsElsewhere } from "../label/keys.js";

/** @typedef {import("../label/keys.js").Action} Action */
/** @typedef {"ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown" | "Home" | "End"} Walk */

const WALKS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

/**
 * @param {Map<string, Action>} map
 * @param {HTMLElement} grid
 * @param {import("./closer.js").Closer} closer
 * @param {{confirm: () => void, undo: () => void, mark: (choice: string) => void,
 *          move: (key: Walk) => void, peek: (isOn: boolean) => void}} does
 */
export function listen(map, grid, closer, does) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const isOnCell = event.target instanceof Element && grid.contains(event.target);
    if (event.key === "Enter" && (isOnCell || event.target === document.body)) {
      event.preventDefault();
      if (!event.repeat) does.confirm();
    } else if (event.key === " " || belongsElsewhere(event)) {
      return; // on a cell, Space is its own click and opens the card
    } else if (WALKS.includes(event.key)) {
      // In a grid arrows walk, so that there they are nobody's answer.
      event.preventDefault();
      if (closer.isOpen) closer.walk(/** @type {Walk} */ (event.key));
      else does.move(/** @type {Walk} */ (event.key));
    } else if (!event.repeat) {
      press(event);
    }
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "x") does.peek(false);
  });

  /** @param {KeyboardEvent} event */
  function press(event) {
    const meaning = map.get(event.code) ?? map.get(event.key.toLowerCase()) ?? map.get(event.key);
    if (meaning?.act === "answer") does.mark(meaning.choice);
    else if (meaning?.act === "undo") does.undo();
    else if (meaning?.act === "zoom") does.peek(true);
    else return;
    event.preventDefault();
  }
}
