// @ts-check
/** The filter: how many pass, how they spread, and the faces themselves, as it changes. */

import { ApiError, request } from "../api.js";
import { askOnSubmit, fieldsOf } from "./ask.js";

const PATIENCE_MS = 250;
const EDGES = Array.from({ length: 25 }, (_, index) => -60 + 5 * index);
const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190, FLOOR = 164, TOP = 10;

/** @typedef {{id: number, image: string, filename: string, yaw_degrees: number | null, consensus: {choice: string} | null}} Face */
/** @typedef {{yaw_min: number | null, yaw_max: number | null, total: number, choices: Record<string, number>}} Bin */
/** @typedef {{total: number, without_yaw: number, choices: Record<string, number>, bins: Bin[]}} Summary */

const page = /** @type {HTMLElement} */ (document.querySelector("[data-faces]"));
const form = /** @type {HTMLFormElement} */ (page.querySelector("[data-filter]"));
const template = /** @type {HTMLTemplateElement} */ (document.querySelector("template#face"));
/** @param {string} name @returns {HTMLElement} */
const part = (name) => /** @type {HTMLElement} */ (page.querySelector(`[data-${name}]`));

/** The filter as a query string; boxes of one name become one list. */
function query() {
  /** @type {Map<string, string[]>} */
  const values = new Map();
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim();
    if (text) values.set(name, [...(values.get(name) ?? []), text]);
  }
  return [...values]
    .map(([name, texts]) => `${name}=${encodeURIComponent(texts.join(",")).replaceAll("%2C", ",")}`)
    .join("&");
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** @param {string[]} choices @param {string} choice */
const colour = (choices, choice) => (choice ? `choice-${(choices.indexOf(choice) % 5) + 1}` : "choice-none");

/** @param {Summary} summary */
function drawHistogram(summary) {
  const choices = Object.keys(summary.choices).filter(Boolean);
  const shown = [...choices, ""].filter((choice) => summary.choices[choice]);
  const histogram = part("histogram");
  // Units are pixels, so that the labels keep their shape at every width.
  const width = Math.max(histogram.clientWidth, 240);
  histogram.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const most = Math.max(1, ...summary.bins.map((bin) => bin.total));
  const wide = width / summary.bins.length;
  const parts = [draw("line", { class: "rule", x1: 0, x2: width, y1: FLOOR, y2: FLOOR })];
  summary.bins.forEach((bin, index) => {
    let y = FLOOR;
    const group = draw("g", {});
    for (const choice of [...choices, ""]) {
      const tall = ((bin.choices[choice] ?? 0) / most) * (FLOOR - TOP);
      if (!tall) continue;
      y -= tall;
      group.append(draw("rect", { class: colour(choices, choice), x: index * wide + 1, y, width: wide - 2, height: tall }));
    }
    const range = bin.yaw_min === null ? `below ${bin.yaw_max}°` : bin.yaw_max === null ? `from ${bin.yaw_min}°` : `${bin.yaw_min}° to ${bin.yaw_max}°`;
    const told = shown.map((choice) => `${choice || "not known"} ${bin.choices[choice] ?? 0}`).join(", ");
    group.append(draw("title", {}, `${range}: ${bin.total} (${told})`));
    parts.push(group);
    if (bin.yaw_min !== null && bin.yaw_min % 15 === 0)
      parts.push(draw("text", { x: index * wide, y: FLOOR + 16, "text-anchor": "middle" }, `${bin.yaw_min}`));
  });
  histogram.replaceChildren(...parts);
  part("legend").replaceChildren(
    ...shown.map((choice) => {
      const item = document.createElement("li");
      const swatch = draw("svg", { viewBox: "0 0 1 1", "aria-hidden": "true" });
      swatch.append(draw("rect", { width: 1, height: 1, class: colour(choices, choice) }));
      item.append(swatch, `${choice || "not known"} ${summary.choices[choice].toLocaleString("en")}`);
      return item;
    }),
  );
}

/** @type {Summary | null} */
let drawn = null;
new ResizeObserver(() => drawn && drawHistogram(drawn)).observe(part("histogram"));

/** @param {Face} face */
function card(face) {
  const item = /** @type {HTMLElement} */ (template.content.cloneNode(true)).querySelector("li");
  if (!item) throw new Error("The page has no template for a face.");
  const [yaw, light] = item.querySelectorAll("span");
  const image = /** @type {HTMLImageElement} */ (item.querySelector("img"));
  image.src = face.image;
  image.alt = face.filename;
  yaw.textContent = face.yaw_degrees === null ? "no yaw" : `${Math.round(face.yaw_degrees)}°`;
  light.textContent = face.consensus?.choice ?? face.filename;
  return item;
}

let asked = 0;
/** @type {string | null} */
let next = page.dataset.next ? `${page.dataset.facesUrl}?${query()}${query() ? "&" : ""}limit=48&cursor=${page.dataset.next}` : null;

/** @param {{withFaces: boolean}} options */
async function refresh({ withFaces }) {
  const mine = ++asked;
  const filter = query();
  page.setAttribute("aria-busy", "true");
  try {
    const [summary, found] = await Promise.all([
      request(`${page.dataset.summaryUrl}?${filter}${filter ? "&" : ""}bins=${EDGES.join(",")}`),
      withFaces ? request(`${page.dataset.facesUrl}?${filter}${filter ? "&" : ""}limit=48`) : null,
    ]);
    // An answer to an earlier filter must not overwrite that to a later one.
    if (mine !== asked) return;
    part("problem").hidden = true;
    part("total").textContent = summary.total.toLocaleString("en");
    part("total-word").textContent = summary.total === 1 ? "face passes" : "faces pass";
    drawn = summary;
    drawHistogram(summary);
    if (found) {
      part("grid").replaceChildren(...found.results.map(card));
      part("empty").hidden = found.results.length > 0;
      follow(found.next);
      history.replaceState(null, "", `${page.dataset.pageUrl}${filter ? `?${filter}` : ""}`);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (mine !== asked) return;
    part("problem").textContent = error.message;
    part("problem").hidden = false;
  } finally {
    if (mine === asked) page.removeAttribute("aria-busy");
  }
}

/** @param {string | null} url */
function follow(url) {
  next = url;
  part("more").hidden = !url;
}

part("more").addEventListener("click", async (event) => {
  event.preventDefault();
  if (!next) return;
  const mine = asked, url = next;
  next = null;
  const found = await request(url).catch(() => null);
  if (mine !== asked) return;
  if (!found) return follow(url);
  part("grid").append(...found.results.map(card));
  follow(found.next);
});

let timer = 0;
form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(() => refresh({ withFaces: true }), PATIENCE_MS);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  refresh({ withFaces: true });
});

const attributes = form.elements.namedItem("attributes");
/** Show on the buttons what the field asks for. */
function mirrorAttributes() {
  if (!(attributes instanceof HTMLInputElement)) return;
  const texts = attributes.value.split(",").map((text) => text.trim());
  /** @type {NodeListOf<HTMLElement>} */
  const buttons = form.querySelectorAll("[data-attribute]");
  for (const button of buttons) {
    const name = button.dataset.attribute ?? "";
    const state = texts.includes(name) ? "with" : texts.includes(`-${name}`) ? "without" : "";
    button.dataset.asked = state;
    button.setAttribute("aria-label", state ? `${state} ${name}` : name);
  }
}

form.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-attribute]") : null;
  if (!(button instanceof HTMLElement) || !(attributes instanceof HTMLInputElement)) return;
  const name = button.dataset.attribute ?? "";
  const rest = attributes.value.split(",").map((text) => text.trim()).filter((text) => text && text !== name && text !== `-${name}`);
  // Each press goes on: any, with, without, any.
  const asks = button.dataset.asked === "" ? [name] : button.dataset.asked === "with" ? [`-${name}`] : [];
  attributes.value = [...rest, ...asks].join(",");
  mirrorAttributes();
  attributes.dispatchEvent(new Event("input", { bubbles: true }));
});
if (attributes instanceof HTMLInputElement) attributes.addEventListener("input", mirrorAttributes);
mirrorAttributes();

/** @type {NodeListOf<HTMLFormElement>} */
const asking = page.querySelectorAll("form[data-ask]");
for (const one of asking) {
  askOnSubmit(one, () => ({ ...fieldsOf(one), filter: query() }), () => one.dataset.then ?? "");
}
refresh({ withFaces: false });
