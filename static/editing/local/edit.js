// @ts-check
/** One region changed: its slider, or how far the work is; and the same edit on another face. */

import { watchAll } from "../../jobs.js";
import { askOnSubmit } from "../ask.js";

watchAll();
const sliding = document.querySelector("[data-sliding]");
if (sliding instanceof HTMLElement) {
  const slider = /** @type {HTMLInputElement} */ (sliding.querySelector("input[type=range]"));
  const frames = /** @type {HTMLImageElement[]} */ (Array.from(sliding.querySelectorAll(".frames img")));
  const asked = /** @type {HTMLElement} */ (sliding.querySelector("[data-asked]"));
  const link = /** @type {HTMLAnchorElement} */ (sliding.querySelector("[data-frame]"));

  const show = () => {
    const at = Number(slider.value);
    frames.forEach((frame, index) => { frame.hidden = index !== at; });
    const strength = Number(frames[at].dataset.strength);
    asked.textContent = `${strength > 0 ? "+" : strength < 0 ? "−" : ""}${Math.abs(strength)}`;
    slider.setAttribute("aria-valuetext", asked.textContent);
    link.href = frames[at].src;
  };
  slider.addEventListener("input", show);
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target instanceof Element && event.target.closest("input, select, textarea, summary, button, a");
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = Number(slider.value);
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: frames.length - 1, 0: Number(sliding.dataset.start) };
    if (!(event.key in moves)) return;
    // The slider itself knows its arrows; 0 is ours everywhere but in a field of text.
    if (elsewhere && !(elsewhere === slider && event.key === "0")) return;
    event.preventDefault();
    slider.value = String(Math.min(Math.max(moves[event.key], 0), frames.length - 1));
    show();
  });
  show();
}

/** @type {HTMLFormElement | null} */
const again = document.querySelector("form[data-again]");
if (again)
  askOnSubmit(
    again,
    () => ({ ...JSON.parse(again.dataset.body ?? "{}"), face: Number(new FormData(again).get("face")) }),
    (job) => (again.dataset.page ?? "").replace(/0$/, String(job.id)),
  );
