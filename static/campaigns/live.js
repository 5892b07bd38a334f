// @ts-check
/** The numbers of a campaign's progress, kept fresh while somebody looks. */

import { ApiError, request } from "../api.js";

const EVERY_MS = 5000;
/** A server that needs long for the numbers is asked seldom. */
const PATIENCE = 20;

const card = document.querySelector("[data-progress-url]");
if (card instanceof HTMLElement) {
  const url = card.dataset.progressUrl ?? "";

  const ask = async () => {
    const began = performance.now();
    try {
      if (document.visibilityState === "visible") {
        draw(card, await request(url));
        say("");
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      say(`${error.message} The numbers are from before.`);
    }
    setTimeout(ask, Math.max(EVERY_MS, PATIENCE * (performance.now() - began)));
  };

  /** @param {string} sentence */
  const say = (sentence) => {
    const note = card.querySelector("[data-live-note]");
    if (note && note.textContent !== sentence) note.textContent = sentence;
  };

  setTimeout(ask, EVERY_MS);
}

/**
 * @param {HTMLElement} card
 * @param {any} progress as GET /progress answers
 */
function draw(card, progress) {
  const percent = progress.faces ? (100 * progress.closed) / progress.faces : 0;
  const shown = { ...progress, percent: `${percent.toFixed(1)} %` };
  /** @type {NodeListOf<HTMLElement>} */
  const places = card.querySelectorAll("[data-live]");
  for (const place of places) {
    const path = (place.dataset.live ?? "").split(".");
    const value = path.reduce((part, name) => part?.[name], /** @type {any} */ (shown));
    if (value !== undefined) place.textContent = typeof value === "number" ? value.toLocaleString("en") : String(value);
  }
  const bar = card.querySelector("[data-live-bar]");
  if (bar instanceof HTMLProgressElement) {
    bar.max = progress.faces || 1;
    bar.value = progress.closed;
  }
}
