// @ts-check
/** Ask for a face to be turned, in even steps to both sides. */

import { askOnSubmit } from "./ask.js";

/** @type {HTMLFormElement | null} */
const form = document.querySelector("form[data-direction]");

/** @param {HTMLFormElement} form */
function bodyOf(form) {
  const fields = new FormData(form);
  const reach = Number(fields.get("reach")), step = Number(fields.get("step"));
  const n = Math.floor(reach / step);
  return {
    kind: "rotation",
    direction: Number(form.dataset.direction),
    face: Number(String(fields.get("other") ?? "").trim() || fields.get("face")),
    degrees: Array.from({ length: 2 * n + 1 }, (_, index) => (index - n) * step),
  };
}

if (form) {
  // The template cannot know the edit's number yet: it gives the address of number 0.
  askOnSubmit(form, bodyOf, (job) => (form.dataset.page ?? "").replace("/0", `/${job.id}`));
}
