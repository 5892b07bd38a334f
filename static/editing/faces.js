// @ts-check
/** The filter: how many pass, how they spread, and the faces themselves, as it changes. */

import { ApiError, request } from "../api.js";
import { askOnSubmit, fieldsOf } from "./ask.js";
import { queryOf, wireAttributes } from "./filter.js";
import { drawHistogram, EDGES } from "./histogram.js";

const PATIENCE_MS = 250;

/** @typedef {{id: number, image: string, filename: string, yaw_degrees: number | null, consensus: {choice: string} | null}} Face */
/** @typedef {import("./histogram.js").Summary} Summary */

const page = /** @type {HTMLElement} */ (document.querySelector("[data-faces]"));
const form = /** @type {HTMLFormElement} */ (page.querySelector("[data-filter]"));
const template = /** @type {HTMLTemplateElement} */ (document.querySelector("template#face"));
/** @param {string} name @returns {HTMLElement} */
const part = (name) => /** @type {HTMLElement} */ (page.querySelector(`[data-${name}]`));

const query = () => queryOf(form);

/** @type {Summary | null} */
let drawn = null;
const redraw = () => drawn && drawHistogram(part("histogram"), part("legend"), drawn);
new ResizeObserver(redraw).observe(part("histogram"));

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
    redraw();
    if (found) {
      const explorer = /** @type {HTMLAnchorElement} */ (part("explorer-link"));
      explorer.search = filter;
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

wireAttributes(form);

/** @type {NodeListOf<HTMLFormElement>} */
const asking = page.querySelectorAll("form[data-ask]");
for (const one of asking) {
  askOnSubmit(one, () => ({ ...fieldsOf(one), filter: query() }), () => one.dataset.then ?? "");
}
refresh({ withFaces: false });
