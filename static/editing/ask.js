// @ts-check
/** Forms that ask for long work: send their fields as JSON, then go where the work can be seen. */

import { ApiError, request, uuid } from "../api.js";
import { watchAll } from "../jobs.js";

/**
 * The fields that say something; numbers as numbers, "-30, 30" in a field called bins as a list.
 * @param {HTMLFormElement} form
 * @returns {Record<string, unknown>}
 */
export function fieldsOf(form) {
  /** @type {Record<string, unknown>} */
  const body = {};
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim();
    const control = form.elements.namedItem(name);
    if (!text) continue;
    if (name === "bins") body[name] = text.split(/[\s,]+/).map(Number);
    else if (control instanceof HTMLInputElement && control.type === "number") body[name] = Number(text);
    else body[name] = text;
  }
  return body;
}

/** @typedef {Record<string, unknown>} Body */

/**
 * Ask on submit. One key per set of fields: a second press of the button never asks twice.
 * @param {HTMLFormElement} form with data-ask, and [data-refused] for the answer if it is no
 * @param {(form: HTMLFormElement, submitter: HTMLElement | null) => Body | Body[]} bodyOf of one
 *   request, or of several that are asked one after the other
 * @param {(...jobs: {id: number}[]) => string} placeOf where the work can be seen
 */
export function askOnSubmit(form, bodyOf, placeOf) {
  const refused = form.querySelector("[data-refused]");
  const button = form.querySelector("button[type=submit]");
  let asked = "", idempotencyKey = "";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const bodies = [bodyOf(form, event.submitter)].flat();
    if (asked !== JSON.stringify(bodies)) idempotencyKey = uuid();
    asked = JSON.stringify(bodies);
    if (button instanceof HTMLButtonElement) button.disabled = true;
    if (refused instanceof HTMLElement) refused.hidden = true;
    try {
      const jobs = [];
      for (const body of bodies)
        jobs.push(await request(form.dataset.ask ?? "", { body, idempotencyKey: `${idempotencyKey}-${jobs.length}` }));
      location.assign(placeOf(...jobs));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // A request that failed for good is a new one when it is sent again.
      if (!error.isPassing) asked = "";
      if (refused instanceof HTMLElement) {
        refused.textContent = error.message;
        refused.hidden = false;
      }
    } finally {
      if (button instanceof HTMLButtonElement) button.disabled = false;
    }
  });
}

/** @type {NodeListOf<HTMLFormElement>} */
const forms = document.querySelectorAll("form[data-ask][data-then]");
for (const form of forms) {
  if (!form.closest("[data-faces]")) askOnSubmit(form, fieldsOf, () => form.dataset.then ?? "");
}
watchAll();
