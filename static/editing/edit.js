// @ts-check
/** Turn the head by slider and keyboard: every frame is on the page, one is shown. */

import { watchAll } from "../jobs.js";

watchAll();

const turning = document.querySelector("[data-turning]");
if (turning instanceof HTMLElement) {
  const slider = /** @type {HTMLInputElement} */ (turning.querySelector("#turn"));
  /** @type {HTMLImageElement[]} */
  const frames = Array.from(turning.querySelectorAll(".frames img"));
  const points = Array.from(turning.querySelectorAll(".plot g"));
  const asked = /** @type {HTMLElement} */ (turning.querySelector("[data-asked]"));
  const measured = /** @type {HTMLElement} */ (turning.querySelector("[data-measured]"));

  /** @param {number} degrees */
  const signed = (degrees) => `${degrees > 0 ? "+" : degrees < 0 ? "−" : ""}${Math.abs(degrees)}°`;

  const show = () => {
    const at = Number(slider.value);
    frames.forEach((frame, index) => { frame.hidden = index !== at; });
    points.forEach((point, index) => point.classList.toggle("here", index === at));
    asked.textContent = signed(Number(frames[at].dataset.degrees));
    const yaw = Math.round(10 * Number(frames[at].dataset.yaw)) / 10;
    measured.textContent = `measured ${signed(yaw)}`;
    slider.setAttribute("aria-valuetext", `${asked.textContent}, ${measured.textContent}`);
  };
  slider.addEventListener("input", show);
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target instanceof Element && event.target.closest("input, select, textarea, summary, button, a");
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const last = frames.length - 1, at = Number(slider.value);
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last, 0: Number(turning.dataset.start) };
    if (!(event.key in moves)) return;
    // The slider itself knows its arrows; 0 is ours everywhere but in a field of text.
    if (elsewhere && !(elsewhere === slider && event.key === "0")) return;
    event.preventDefault();
    slider.value = String(Math.min(Math.max(moves[event.key], 0), last));
    show();
  });
  show();
}
