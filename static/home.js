// @ts-check
/** Sends what an earlier label page could not, as soon as its owner is back. */

import { Outbox } from "./label/outbox.js";

/** @type {NodeListOf<HTMLElement>} */
const cards = document.querySelectorAll("[data-outbox]");
for (const card of cards) {
  const { owner = "", campaign = "", votesUrl = "", withdrawUrl = "" } = card.dataset;
  const outbox = new Outbox({ owner, campaign, votesUrl, withdrawUrl });
  const note = card.querySelector("[data-outbox-note]");
  outbox.addEventListener("changed", () => {
    if (!(note instanceof HTMLElement)) return;
    const waiting = outbox.waiting.length;
    const refused = outbox.rejected.length;
    note.hidden = waiting + refused === 0;
    note.textContent = waiting
      ? `${waiting} of your answers wait in this browser. Sending them now.`
      : `${refused} of your answers could not be stored. The label page says why.`;
  });
  outbox.open();
}
