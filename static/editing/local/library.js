// @ts-check
/** The library: apply a kept direction to a face, take one's own out again. */

import { askOnSubmit } from "../ask.js";
import { wireKeeping } from "./keeping.js";

/** @type {NodeListOf<HTMLFormElement>} */
const forms = document.querySelectorAll("form[data-apply]");
for (const form of forms)
  askOnSubmit(
    form,
    () => ({ kind: "local", component: Number(form.dataset.componentId), face: Number(new FormData(form).get("face")) }),
    (job) => (form.dataset.page ?? "").replace(/0$/, String(job.id)),
  );
wireKeeping();
