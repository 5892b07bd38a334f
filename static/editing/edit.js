// @ts-check
/** A turned head: its slider, or how far the work is. */

import { watchAll } from "../jobs.js";
import { wireSaving } from "./svg.js";
import { wireTurning } from "./turning.js";

watchAll();
wireSaving();
const turning = document.querySelector("[data-turning]");
if (turning instanceof HTMLElement) wireTurning(turning, { everywhere: true });

/** Opened, the film plays; closed, it rests. */
const film = document.querySelector("details.animation video");
if (film instanceof HTMLVideoElement) {
  film.closest("details")?.addEventListener("toggle", () => {
    if (film.checkVisibility()) film.play().catch(() => {});
    else film.pause();
  });
}
