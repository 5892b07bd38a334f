// @ts-check
/** Directions of a face's regions: the sheet as it grows, then edit with one, or keep it. */

import { request } from "../../api.js";
import { watchAll } from "../../jobs.js";
import { askOnSubmit } from "../ask.js";
import { queryOf, wireAttributes } from "../filter.js";
import { chosenFaces, wirePickers } from "../picker.js";
import { settingsOf, strengthsOf, wireComposing } from "./composing.js";
import { askForFaces } from "./faces.js";
import { wireKeeping } from "./keeping.js";
import { wireSliding } from "./sliding.js";

const PATIENCE_MS = 250;

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

wirePickers();
wireSliding();

/** @type {HTMLFormElement | null} */
const edit = document.querySelector("form[data-edit]");
/** @type {HTMLFormElement | null} */
const many = document.querySelector("form[data-transfer]");
/** @type {HTMLFormElement | null} */
const cluster = document.querySelector("form[data-cluster]");
if (edit) {
  wireComposing(edit);
  const shared = () => ({
    component: Number(new FormData(edit).get("component")),
    strengths: strengthsOf(edit),
    settings: settingsOf(edit),
  });
  const own = Number(edit.dataset.face);
  askForFaces(
    edit,
    () => {
      const [reference] = chosenFaces(edit, "reference");
      return { kind: "local", ...shared(), ...(reference ? { reference } : {}) };
    },
    () => (chosenFaces(edit).length ? chosenFaces(edit) : [own]),
  );
  edit.addEventListener("change", () => {
    count(edit, "face", (n) => `${n} chosen instead of this one`);
    count(edit, "reference", () => "one chosen");
  });
  if (many && cluster) wireMany(many, cluster, shared);
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-choose]") : null;
    if (!(button instanceof HTMLElement)) return;
    choose(button);
    const reach = edit.elements.namedItem("reach");
    if (reach instanceof HTMLInputElement) reach.focus({ preventScroll: true });
    document.querySelector("#edit-form")?.scrollIntoView({ block: "start" });
  });
}

/**
 * Say on a closed picker what is chosen in it.
 * @param {HTMLFormElement} form @param {string} name @param {(n: number) => string} words
 */
function count(form, name, words) {
  const note = form.querySelector(`[data-chosen-of="${name}"]`), n = chosenFaces(form, name).length;
  if (!(note instanceof HTMLElement)) return;
  note.hidden = !n;
  note.textContent = words(n);
}

/**
 * @param {HTMLFormElement} form that asks for the first faces of a filter
 * @param {HTMLFormElement} filter a form of its own: its field "dataset" hides what data- says
 * @param {() => Record<string, unknown>} shared
 */
function wireMany(form, filter, shared) {
  wireAttributes(filter);
  askOnSubmit(
    form,
    () => ({ ...shared(), filter: queryOf(filter), count: Number(new FormData(form).get("count")) }),
    () => {
      // The same page with another end is no new page: it has to be asked for.
      setTimeout(() => location.reload());
      return form.dataset.page ?? "";
    },
  );
  const passing = form.querySelector("[data-passing]");
  let timer = 0, asked = 0;
  const tell = async () => {
    const mine = ++asked;
    const told = await request(`${form.dataset.summary}?${queryOf(filter)}`).catch((error) => error);
    if (mine !== asked || !passing) return;
    const n = told.total;
    passing.textContent = told instanceof Error ? told.message : `${n.toLocaleString("en")} ${n === 1 ? "face passes" : "faces pass"}`;
  };
  filter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(tell, PATIENCE_MS);
  });
  filter.addEventListener("submit", (event) => {
    event.preventDefault();
    tell();
  });
  form.closest("details")?.addEventListener("toggle", tell, { once: true });
}

/** @param {HTMLElement} button */
function choose(button) {
  for (const form of [edit, many]) {
    const field = form?.elements.namedItem("component");
    if (field instanceof HTMLInputElement) field.value = button.dataset.choose ?? "";
    form?.querySelector("button[type=submit]")?.removeAttribute("disabled");
  }
  // As strong as its preview is: a change that is plain to see.
  const reach = edit?.elements.namedItem("reach");
  if (reach instanceof HTMLInputElement && button.dataset.strength) reach.value = Number(button.dataset.strength).toFixed(2);
  ofOneRegion(Boolean(button.dataset.region));
  document.querySelector("[data-chosen]")?.replaceChildren(button.dataset.title ?? "");
  for (const card of document.querySelectorAll("[data-component]")) card.classList.toggle("chosen", card.contains(button));
}

/**
 * What moves the whole face has no outside, and no region in which to come nearer to another.
 * @param {boolean} isOfOne
 */
function ofOneRegion(isOfOne) {
  const towards = edit?.querySelector("[data-towards]");
  for (const name of ["hold_outside", "adapt"]) {
    const box = edit?.elements.namedItem(name);
    if (!(box instanceof HTMLInputElement)) continue;
    box.disabled = !isOfOne;
    box.checked &&= isOfOne;
  }
  if (!(towards instanceof HTMLElement)) return;
  towards.hidden = !isOfOne;
  /** @type {HTMLInputElement | null} */
  const chosen = towards.querySelector("input[type=radio]:checked");
  if (isOfOne || !chosen) return;
  chosen.checked = false;
  chosen.dispatchEvent(new Event("change", { bubbles: true }));
}
const first = document.querySelector("[data-choose]");
if (first instanceof HTMLElement) choose(first);

wireKeeping();
