// @ts-check
/** Directions of a face's regions: the sheet as it grows, then edit with one, or keep it. */

import { watchAll } from "../../jobs.js";
import { askOnSubmit } from "../ask.js";
import { wireKeeping } from "./keeping.js";

const sheet = document.querySelector("[data-sheet]");

/** While the search runs, the sheet comes anew from the server whenever a direction is added. */
let shown = -1;
document.addEventListener("job:changed", async (event) => {
  if (!(sheet instanceof HTMLElement) || !(event instanceof CustomEvent)) return;
  const told = event.detail.result;
  const now = (told?.components ?? []).length + Object.keys(told?.urls ?? {}).length;
  if (event.detail.status !== "running" || now === shown) return;
  shown = now;
  const answer = await fetch(sheet.dataset.sheet ?? "", { credentials: "same-origin" }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  /** @type {NodeListOf<HTMLDetailsElement>} */
  const open = sheet.querySelectorAll("details[open][data-way]");
  const opened = new Set(Array.from(open, (one) => one.dataset.way));
  sheet.replaceChildren(...page.body.childNodes);
  for (const one of sheet.querySelectorAll("details")) one.open ||= opened.has(one.dataset.way);
});
watchAll();

/**
 * The strengths from -reach to reach.
 * @param {FormData} fields
 */
function strengths(fields) {
  const reach = Number(fields.get("reach")), n = Number(fields.get("frames"));
  return Array.from({ length: n }, (_, at) => Math.round(1e4 * reach * ((2 * at) / (n - 1) - 1)) / 1e4 || 0);
}

/** @type {HTMLFormElement | null} */
const edit = document.querySelector("form[data-edit]");
/** @type {HTMLFormElement | null} */
const many = document.querySelector("form[data-transfer]");
if (edit) {
  const settings = () => {
    const fields = new FormData(edit);
    /** @type {Record<string, unknown>} */
    const told = {};
    if (fields.get("form")) told.form = fields.get("form");
    if (fields.get("hold_outside")) told.hold_outside = true;
    return { component: Number(fields.get("component")), strengths: strengths(fields), settings: told };
  };
  askOnSubmit(
    edit,
    () => {
      const fields = new FormData(edit);
      const body = { kind: "local", face: Number(fields.get("other") || edit.dataset.face), ...settings() };
      return fields.get("reference") ? { ...body, reference: Number(fields.get("reference")) } : body;
    },
    (job) => (edit.dataset.page ?? "").replace(/0$/, String(job.id)),
  );
  if (many)
    askOnSubmit(
      many,
      () => {
        const fields = new FormData(many);
        return { ...settings(), filter: String(fields.get("filter") ?? "").trim(), count: Number(fields.get("count")) };
      },
      () => {
        // The same page with another end is no new page: it has to be asked for.
        setTimeout(() => location.reload());
        return many.dataset.page ?? "";
      },
    );
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-choose]") : null;
    if (!(button instanceof HTMLElement)) return;
    choose(button);
    edit.querySelector("select")?.focus({ preventScroll: true });
    document.querySelector("#edit-form")?.scrollIntoView({ block: "center" });
  });
}

/** @param {HTMLElement} button */
function choose(button) {
  for (const form of [edit, many]) {
    if (!form) continue;
    const field = form.elements.namedItem("component");
    if (field instanceof HTMLInputElement) field.value = button.dataset.choose ?? "";
    form.querySelector("button[type=submit]")?.removeAttribute("disabled");
  }
  // As strong as its preview is: a change that is plain to see.
  const reach = edit?.elements.namedItem("reach");
  if (reach instanceof HTMLInputElement && button.dataset.strength) reach.value = Number(button.dataset.strength).toFixed(2);
  document.querySelector("[data-chosen]")?.replaceChildren(button.dataset.title ?? "");
  for (const card of document.querySelectorAll("[data-component]")) card.classList.toggle("chosen", card.contains(button));
}
const first = document.querySelector("[data-choose]");
if (first instanceof HTMLElement) choose(first);

wireKeeping();
