// @ts-check
/** The explorer: live counts, and what the page asks for; what is shown stands in its address. */

import { ApiError, request } from "../api.js";
import { askOnSubmit, fieldsOf } from "./ask.js";
import { queryOf, wireAttributes } from "./filter.js";
import { drawHistogram, EDGES } from "./histogram.js";
import { wirePickers } from "./picker.js";
import { wireSaving } from "./svg.js";
import { turnBody, wireSettings } from "./turn.js";
import { wireTurning } from "./turning.js";

/** @typedef {import("./histogram.js").Summary} Summary */

const PATIENCE_MS = 250;
/** What the address carries beside the filter, and the section that shows it. */
const SHOWN = ["a", "b", "turn_a", "turn_b", "means", "figures"];

const page = /** @type {HTMLElement} */ (document.querySelector("[data-explorer]"));
const form = /** @type {HTMLFormElement} */ (page.querySelector("[data-filter]"));
/** @param {string} name @returns {HTMLElement} */
const part = (name) => /** @type {HTMLElement} */ (page.querySelector(`[data-${name}]`));

/** The rows that the page shows, by the names of its address. */
const shown = () => {
  const given = new URLSearchParams(location.search);
  return new Map(SHOWN.map((name) => [name, given.get(name) ?? ""]));
};

/**
 * The page's address with the filter as it stands in the form.
 * @param {Record<string, string | number>} changes of what is shown; "" takes it away
 * @param {string} [section] to come back to
 */
function placeWith(changes, section = "") {
  const rows = shown();
  for (const [name, value] of Object.entries(changes)) rows.set(name, String(value));
  const parts = [...rows].filter(([, value]) => value).map(([name, value]) => `${name}=${value}`);
  const query = [queryOf(form), ...parts].filter(Boolean).join("&");
  return `${page.dataset.pageUrl}${query ? `?${query}` : ""}${section && `#${section}`}`;
}

/** @type {Summary | null} */
let drawn = null;
const redraw = () => drawn && drawHistogram(part("histogram"), part("legend"), drawn);
new ResizeObserver(redraw).observe(part("histogram"));

let asked = 0;
async function count() {
  const mine = ++asked;
  const filter = queryOf(form);
  page.setAttribute("aria-busy", "true");
  try {
    /** @type {Summary} */
    const summary = await request(`${page.dataset.summaryUrl}?${filter}${filter ? "&" : ""}bins=${EDGES.join(",")}`);
    // An answer to an earlier filter must not overwrite that to a later one.
    if (mine !== asked) return;
    part("problem").hidden = true;
    part("total").textContent = summary.total.toLocaleString("en");
    part("total-word").textContent = summary.total === 1 ? "face passes" : "faces pass";
    drawn = summary;
    redraw();
    history.replaceState(null, "", `${placeWith({})}${location.hash}`);
    part("faces-link").setAttribute("href", `${page.dataset.facesPage}${filter ? `?${filter}` : ""}`);
    tellOfWhat(filter);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine !== asked) return;
    part("problem").textContent = error.message;
    part("problem").hidden = false;
  } finally {
    if (mine === asked) page.removeAttribute("aria-busy");
  }
}

/**
 * Say of what was drawn earlier that the filter has changed since.
 * @param {string} filter
 */
function tellOfWhat(filter) {
  // Where there is one dataset only, the form does not ask for it.
  const asksDataset = Boolean(form.elements.namedItem("dataset"));
  /** @param {string} query */
  const ordered = (query) =>
    [...new URLSearchParams(query)].filter(([name]) => asksDataset || name !== "dataset").map(String).sort().join("&");
  /** @type {NodeListOf<HTMLElement>} */
  const notes = page.querySelectorAll("[data-drawn-of]");
  for (const note of notes) note.hidden = ordered(note.dataset.drawnOf ?? "") === ordered(filter);
}

/**
 * The options of a fit that are not as usual; leaving out the rest keeps requests readable.
 * @param {HTMLFormElement} fit
 */
function recipeOf(fit) {
  /** @type {Record<string, unknown>} */
  const recipe = {};
  for (const control of fit.elements) {
    if (!(control instanceof HTMLInputElement || control instanceof HTMLSelectElement)) continue;
    if (!control.name.startsWith("recipe.")) continue;
    const name = control.name.replace("recipe.", ""), text = control.value.trim();
    if (control instanceof HTMLInputElement && control.type === "checkbox") {
      if (control.checked) recipe[name] = true;
    } else if (text !== control.dataset.usual) {
      if (control instanceof HTMLInputElement && control.type === "number") recipe[name] = Number(text);
      else recipe[name] = name === "subtract" ? text.split(/[\s,]+/).filter(Boolean) : text;
    }
  }
  return recipe;
}

/** @param {HTMLFormElement} fit */
function fitBody(fit) {
  const space = fit.elements.namedItem("embedding");
  const generator = space instanceof HTMLSelectElement ? space.selectedOptions[0]?.dataset.generator : "";
  const { bins } = fieldsOf(fit);
  const recipe = recipeOf(fit);
  return {
    generator,
    embedding: space instanceof HTMLSelectElement ? Number(space.value) : null,
    filter: queryOf(form),
    ...(bins ? { bins } : {}),
    ...(Object.keys(recipe).length ? { recipe } : {}),
  };
}

/** What stands on the page, as far as it is done: the worker refuses what is not. */
function figuresBody() {
  const rows = shown();
  /** @type {[string, string][]} */
  const names = [["mean_faces", "means"], ["direction", "a"], ["against", "b"], ["edit", "turn_a"], ["edit_against", "turn_b"]];
  const given = names.filter(([, name]) => rows.get(name)).map(([field, name]) => [field, Number(rows.get(name))]);
  return { filter: queryOf(form), ...Object.fromEntries(given) };
}

/** @type {NodeListOf<HTMLFormElement>} */
const forms = page.querySelectorAll("form[data-becomes]");
for (const one of forms) {
  let becomes = one.dataset.becomes ?? "";
  askOnSubmit(
    one,
    (_, submitter) => {
      if (becomes === "figures") return figuresBody();
      if (becomes === "means") return { filter: queryOf(form), mirror: new FormData(one).has("mirror") };
      becomes = submitter instanceof HTMLButtonElement && submitter.value === "b" ? "b" : "a";
      return fitBody(one);
    },
    (job) => {
      if (becomes === "figures" || becomes === "means") return placeWith({ [becomes]: job.id }, becomes);
      // What was turned along another direction says nothing of the new one.
      /** @type {Record<string, string>} */
      const without = becomes === "a" ? { b: "", turn_a: "", turn_b: "" } : { turn_b: "" };
      return placeWith({ ...without, [becomes]: job.id }, "compare");
    },
  );
}

const compare = page.querySelector("[data-compare]");
if (compare instanceof HTMLFormElement) {
  compare.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = new FormData(compare), rows = shown();
    const a = String(fields.get("a")), b = String(fields.get("b"));
    location.assign(placeWith({
      a,
      b,
      turn_a: a === rows.get("a") ? rows.get("turn_a") ?? "" : "",
      turn_b: b && b === rows.get("b") ? rows.get("turn_b") ?? "" : "",
    }, "compare"));
  });
}

/** @type {HTMLFormElement | null} */
const turn = page.querySelector("form[data-turn]");
if (turn) {
  wireSettings(turn);
  const directions = (turn.dataset.turn ?? "").trim().split(/\s+/).map(Number);
  askOnSubmit(
    turn,
    () => directions.map((direction) => turnBody(turn, direction)),
    (a, b) => placeWith({ turn_a: a.id, turn_b: b ? b.id : "" }, "turn"),
  );
}
const turning = page.querySelector("[data-turning]");
if (turning instanceof HTMLElement) wireTurning(turning, { everywhere: false });

let timer = 0;
form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(count, PATIENCE_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  count();
});
wireAttributes(form);
wireSaving();
wirePickers();
count();
