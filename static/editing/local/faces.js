// @ts-check
/** The same local edit for each of some faces. */

import { askOnSubmit } from "../ask.js";

/**
 * One request for each chosen face; then the edit's page, or of several the page that lists them.
 * @param {HTMLFormElement} form with data-ask, data-page of edit 0 and data-list
 * @param {() => Record<string, unknown>} bodyOf what is the same for all faces
 * @param {() => number[]} facesOf
 */
export function askForFaces(form, bodyOf, facesOf) {
  const button = form.querySelector("button[type=submit]");
  const follow = () => button?.toggleAttribute("disabled", !facesOf().length);
  form.addEventListener("change", follow);
  // Faces come and go with the picker's filter.
  new MutationObserver(follow).observe(form.querySelector("[data-picker-grid]") ?? form, { childList: true });
  follow();
  askOnSubmit(
    form,
    () => facesOf().map((face) => ({ ...bodyOf(), face })),
    (...jobs) => {
      if (jobs.length === 1) return (form.dataset.page ?? "").replace(/0$/, String(jobs[0].id));
      // The same page with another end is no new page: it has to be asked for.
      if (location.pathname === (form.dataset.list ?? "").split("#")[0]) setTimeout(() => location.reload());
      return form.dataset.list ?? "";
    },
  );
}
