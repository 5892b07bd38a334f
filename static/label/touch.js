// @ts-check
/** Answers by finger on the face of a campaign about light: thirds of the face, and swipes. */

import { Gestures } from "./gestures.js";

/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {import("./gestures.js").Way} Way */

/** Towards the light; down is the center, as on the arrow keys; up and away, can't tell. */
const SWIPES = { left: "left", right: "right", down: "center", up: "unsure" };

/** @param {number} share of the face's width */
const third = (share) => (share < 1 / 3 ? "left" : share > 2 / 3 ? "right" : "center");

/**
 * @param {Stage} stage
 * @param {boolean} isSided whether the choices are left, center and right
 * @param {HTMLButtonElement[]} buttons
 * @param {(choice: string) => void} answer
 */
export function touch(stage, isSided, buttons, answer) {
  const hint = document.querySelector("[data-gesture]");
  const root = stage.stage;
  /** @param {string} choice */
  const buttonOf = (choice) => buttons.find((button) => button.dataset.answer === choice);
  let leaning = "";

  /** @param {string} choice what letting go would answer, if the finger goes far enough */
  const lean = (choice) => {
    if (choice === leaning) return;
    leaning = choice;
    if (!choice) {
      delete root.dataset.leans;
      return;
    }
    root.dataset.leans = choice;
    const button = buttonOf(choice);
    const glyph = button?.querySelector("svg")?.cloneNode(true) ?? "";
    hint?.replaceChildren(glyph, button?.dataset.label ?? choice);
  };

  new Gestures(stage.frame, stage.zoom, {
    isReady: () => isSided && stage.shows === "face",
    tap: (share) => answer(third(share)),
    swipe: (way) => answer(SWIPES[way]),
    touch: (share) => {
      if (share === null) delete root.dataset.touched;
      else root.dataset.touched = third(share);
    },
    lean: (way, isSure, pull) => {
      lean(way ? SWIPES[way] : "");
      root.toggleAttribute("data-sure", isSure);
      root.style.setProperty("--pull-x", `${Math.round(pull.x * 0.35)}px`);
      root.style.setProperty("--pull-y", `${Math.round(pull.y * 0.35)}px`);
    },
  });
}
