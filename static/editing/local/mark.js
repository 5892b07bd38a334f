// @ts-check
/** Mark regions on one face, keep them by name, and ask for the directions that act on them. */

import { ApiError, request } from "../../api.js";
import { askOnSubmit, fieldsOf } from "../ask.js";
import { mirrored } from "./shapes.js";
import { Stage } from "./stage.js";

/** @typedef {import("./shapes.js").Shape} Shape */
/** @typedef {{id: number, face: number, name: string, shapes: Shape[]}} Kept */

const page = /** @type {HTMLElement} */ (document.querySelector("[data-marking]"));
/** @template {Element} [E=HTMLElement] @param {string} name @returns {E} */
const part = (name) => /** @type {E} */ (page.querySelector(`[data-${name}]`));
const face = Number(page.dataset.face);
const list = part("regions"), form = /** @type {HTMLFormElement} */ (part("search"));
const rowTemplate = /** @type {HTMLTemplateElement} */ (document.querySelector("template#region-row"));
const chipTemplate = /** @type {HTMLTemplateElement} */ (document.querySelector("template#region-chip"));

/** @type {import("./stage.js").Marks} */
const marks = { regions: [], at: -1, shape: -1 };
/** What is kept of the marked regions: by name, its number and its shapes as they are kept. @type {Map<string, Kept>} */
const kept = new Map();

/** @param {string} sentence */
const say = (sentence) => { part("said").textContent = sentence; };

/** @param {unknown} error */
function refused(error) {
  if (!(error instanceof ApiError)) throw error;
  part("problem").textContent = error.message;
  part("problem").hidden = false;
}

const stage = new Stage(part("stage"), marks, {
  say,
  changed: () => show(),
  added: (shape) => {
    if (marks.at < 0) begin(free("region"));
    const region = marks.regions[marks.at];
    region.shapes.push(shape);
    marks.shape = region.shapes.length - 1;
    say(`${shape.kind} added to ${region.name}.`);
    show();
  },
});

/** A name that no region has yet. @param {string} wanted */
function free(wanted) {
  const taken = new Set(marks.regions.map(({ name }) => name));
  if (wanted !== "region" && !taken.has(wanted)) return wanted;
  for (let number = wanted === "region" ? 1 : 2; ; number += 1)
    if (!taken.has(`${wanted} ${number}`)) return `${wanted} ${number}`;
}

/** @param {string} name @param {Shape[]} [shapes] */
function begin(name, shapes = []) {
  marks.regions.push({ name, shapes: structuredClone(shapes) });
  Object.assign(marks, { at: marks.regions.length - 1, shape: -1 });
  show();
}

function show() {
  list.replaceChildren(...marks.regions.map((region, at) => row(region, at)));
  part("none").hidden = marks.regions.length > 0;
  const brush = /** @type {HTMLInputElement} */ (part("brush"));
  brush.value = String(Math.round(100 * stage.brush));
  brush.closest("label")?.toggleAttribute("hidden", stage.tool !== "brush");
  /** @type {NodeListOf<HTMLButtonElement>} */
  const chosen = page.querySelectorAll("[data-needs-region]");
  for (const button of chosen) button.disabled = !marks.regions[marks.at]?.shapes.length;
  stage.show();
}

/** @param {import("./stage.js").Region} region @param {number} at */
function row(region, at) {
  const item = /** @type {HTMLElement} */ (/** @type {DocumentFragment} */ (rowTemplate.content.cloneNode(true)).firstElementChild);
  item.classList.add(`colour-${(at % 6) + 1}`);
  const radio = /** @type {HTMLInputElement} */ (item.querySelector("input[type=radio]"));
  const name = /** @type {HTMLInputElement} */ (item.querySelector("input[type=text]"));
  const [keep, remove] = item.querySelectorAll("button");
  radio.checked = at === marks.at;
  radio.setAttribute("aria-label", `Draw on ${region.name}`);
  radio.addEventListener("change", () => {
    Object.assign(marks, { at, shape: -1 });
    show();
    const again = list.querySelectorAll("input[type=radio]")[at];
    if (again instanceof HTMLElement) again.focus();
  });
  name.setAttribute("aria-label", `Name of region ${at + 1}`);
  const tell = () => {
    name.value = region.name;
    const was = kept.get(region.name);
    const same = was && JSON.stringify(was.shapes) === JSON.stringify(region.shapes);
    keep.textContent = same ? "Kept" : was ? "Keep again" : "Keep";
    keep.disabled = Boolean(same) || !region.shapes.length;
    keep.setAttribute("aria-label", `${keep.textContent} ${region.name}`);
  };
  // The row stays as it is: whoever leaves the field is on the way to the row's next control.
  name.addEventListener("change", () => { region.name = name.value.trim() || free("region"); tell(); });
  tell();
  keep.addEventListener("click", () => keepRegion(region));
  remove.setAttribute("aria-label", `Remove ${region.name}`);
  remove.addEventListener("click", () => {
    marks.regions.splice(at, 1);
    Object.assign(marks, { at: marks.regions.length - 1, shape: -1 });
    say(`${region.name} removed.`);
    show();
    part("stage").focus();
  });
  const count = /** @type {HTMLElement} */ (item.querySelector("[data-count]"));
  count.textContent = region.shapes.length === 1 ? "1 shape" : `${region.shapes.length} shapes`;
  return item;
}

/** @param {import("./stage.js").Region} region */
async function keepRegion(region) {
  part("problem").hidden = true;
  const was = kept.get(region.name);
  const address = was ? (page.dataset.region ?? "").replace(/0$/, String(was.id)) : page.dataset.regionsUrl ?? "";
  const body = was ? { shapes: region.shapes } : { face, name: region.name, shapes: region.shapes };
  try {
    /** @type {Kept} */
    const answer = await request(address, { method: was ? "PATCH" : "POST", body });
    region.shapes = answer.shapes;
    kept.set(answer.name, { ...answer, shapes: structuredClone(answer.shapes) });
    say(`${answer.name} is kept.`);
    show();
  } catch (error) { refused(error); }
}

/**
 * @param {HTMLElement} place
 * @param {string} name
 * @param {() => Promise<Shape[]> | Shape[]} shapesOf
 * @param {Kept} [own] what the chip stands for, if it can be deleted
 */
function chip(place, name, shapesOf, own) {
  const item = /** @type {HTMLElement} */ (/** @type {DocumentFragment} */ (chipTemplate.content.cloneNode(true)).firstElementChild);
  const button = /** @type {HTMLButtonElement} */ (item.querySelector("button"));
  button.append(name);
  button.addEventListener("click", async () => {
    part("problem").hidden = true;
    try {
      begin(free(name), await shapesOf());
      say(`${marks.regions[marks.at].name} added.`);
    } catch (error) { refused(error); }
  });
  if (own) item.append(deleting(own, item));
  place.append(item);
}

/** A button that deletes what is kept, at the second press. @param {Kept} own @param {HTMLElement} item */
function deleting(own, item) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  const calm = () => { button.textContent = "×"; button.setAttribute("aria-label", `Delete ${own.name}`); };
  calm();
  button.addEventListener("blur", calm);
  button.addEventListener("click", async () => {
    if (button.textContent === "×") {
      button.textContent = "Delete";
      button.setAttribute("aria-label", `Really delete ${own.name}`);
      return say(`Press again to delete ${own.name}.`);
    }
    try {
      await request((page.dataset.region ?? "").replace(/0$/, String(own.id)), { method: "DELETE" });
      kept.delete(own.name);
      item.remove();
      part("kept").closest("section")?.toggleAttribute("hidden", !part("kept").children.length);
      say(`${own.name} is deleted.`);
      show();
      part("stage").focus();
    } catch (error) { refused(error); }
  });
  return button;
}

async function offer() {
  try {
    const { regions } = await request(page.dataset.proposeUrl ?? "", { body: { face } });
    for (const { name, shapes } of regions) chip(part("proposed"), name, () => shapes);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    part("proposed").replaceChildren(error.message);
  }
  if (page.dataset.searched) {
    const body = { face, decomposition: Number(page.dataset.searched) };
    const answer = await request(page.dataset.proposeUrl ?? "", { body }).catch(() => ({ regions: [] }));
    for (const { name, shapes } of answer.regions) chip(part("moved"), name, () => shapes);
    part("moved").closest("section")?.toggleAttribute("hidden", !answer.regions.length);
  }
  /** @type {{results: Kept[]}} */
  const { results } = await request(`${page.dataset.regionsUrl}?limit=40`);
  const here = results.filter((one) => one.face === face);
  for (const one of here) {
    kept.set(one.name, one);
    chip(part("kept"), one.name, () => one.shapes, one);
  }
  // Of regions with one name on several other faces, the newest stands for all.
  const names = new Set(here.map(({ name }) => name));
  for (const one of results) {
    if (names.has(one.name)) continue;
    names.add(one.name);
    chip(part("kept"), one.name, async () => {
      const address = (page.dataset.carry ?? "").replace("/0/", `/${one.id}/`);
      return (await request(address, { body: { face } })).shapes;
    });
  }
  part("kept").closest("section")?.toggleAttribute("hidden", !names.size);
}

part("tools").addEventListener("change", (event) => {
  if (event.target instanceof HTMLInputElement && event.target.name === "tool") stage.use(/** @type {import("./stage.js").Tool} */ (event.target.value));
  show();
});
part("brush").addEventListener("input", (event) => {
  stage.brush = Number(/** @type {HTMLInputElement} */ (event.target).value) / 100;
});
part("new").addEventListener("click", () => { begin(free("region")); part("stage").focus(); });
part("mirror").addEventListener("click", () => {
  const region = marks.regions[marks.at];
  region.shapes.push(...region.shapes.map(mirrored));
  say(`${region.name} is on both halves now.`);
  show();
});
part("undo").addEventListener("click", () => {
  const region = marks.regions[marks.at];
  region.shapes.pop();
  marks.shape = -1;
  say(`The last shape of ${region.name} is gone.`);
  show();
});

askOnSubmit(
  form,
  () => {
    const regions = marks.regions.filter(({ shapes }) => shapes.length);
    const { pool, settle, ...fields } = fieldsOf(form);
    // Without a number the worker takes its own.
    const others = { ...(pool ? { faces: pool } : {}), ...(settle ? { settle: true } : {}) };
    return { ...fields, ...(pool || settle ? { pool: others } : {}), face, regions };
  },
  (job) => (form.dataset.page ?? "").replace(/0$/, String(job.id)),
);
show();
offer().catch(refused);
