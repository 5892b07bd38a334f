// @ts-check
/** Ask for a face to be turned along this direction. */

import { askOnSubmit } from "./ask.js";
import { wirePickers } from "./picker.js";
import { wireSaving } from "./svg.js";
import { turnBody, wireSettings } from "./turn.js";

wireSaving();
wirePickers();
/** @type {HTMLFormElement | null} */
const form = document.querySelector("form[data-direction]");
if (form) {
  wireSettings(form);
  // The template cannot know the edit's number yet: it gives the address of number 0.
  askOnSubmit(
    form,
    () => turnBody(form, Number(form.dataset.direction)),
    (job) => (form.dataset.page ?? "").replace("/0", `/${job.id}`),
  );
}
