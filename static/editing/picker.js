// @ts-check
/** Choose faces from a small grid: filtered, a page at a time, by mouse, finger or keyboard. */

import { ApiError, request } from "../api.js";

/** @typedef {{id: number, image: string, filename: string, yaw_degrees: number | null}} Face */

const PATIENCE_MS = 250;
const AT_ONCE = 18;
/** @type {Record<string, (at: number, last: number) => number>} */
const MOVES = {
  ArrowRight: (at, last) => Math.min(at + 1, last),
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowLeft: (at) => Math.max(at - 1, 0),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
};

/** @param {Face} face */
function words({ filename, yaw_degrees: yaw }) {
  if (yaw === null) return filename;
  const off = Math.round(Math.abs(yaw));
  return `${filename}, ${off ? `${off}° to your ${yaw > 0 ? "right" : "left"}` : "straight ahead"}`;
}

/**
 * The grid of one templates/editing/picker.html. It comes when it is first seen, unless the page
 * brought faces; what is chosen stays when the filter changes.
 * @param {HTMLElement} box
 */
function wirePicker(box) {
  /** @template {HTMLElement} E @param {string} name @returns {E} */
  const part = (name) => /** @type {E} */ (box.querySelector(`[data-picker-${name}]`));
  const grid = part("grid"), more = part("more"), none = part("none"), told = part("told");
  /** @type {HTMLInputElement} */
  const number = part("number");
  /** @type {HTMLInputElement} */
  const attributes = part("attributes");
  /** @type {HTMLSelectElement} */
  const head = part("head");
  /** @type {HTMLTemplateElement} */
  const template = part("face");
  const inputs = () => Array.from(grid.querySelectorAll("input"));
  /** @type {string | null} */
  let next = null;
  let asked = 0;

  /** @param {Face} face */
  function item(face) {
    const label = /** @type {HTMLElement} */ (template.content.cloneNode(true)).querySelector("label");
    const input = label?.querySelector("input"), image = label?.querySelector("img");
    if (!label || !input || !image) throw new Error("The picker has no template for a face.");
    input.value = String(face.id);
    image.src = face.image;
    image.alt = words(face);
    return label;
  }

  /** Say what is there; of several, only one is a stop of the Tab key. */
  function tell() {
    const all = inputs(), chosen = all.filter((input) => input.checked).length;
    const shown = all.length ? `${all.length} shown` : "No face passes";
    told.textContent = chosen ? `${shown}, ${chosen} chosen` : shown;
    none.hidden = !chosen || !("optional" in box.dataset);
    more.hidden = !next;
    if (all[0]?.type !== "checkbox") return;
    const stop = all.find((input) => input === document.activeElement) ?? all.find((input) => input.checked) ?? all[0];
    for (const input of all) input.tabIndex = input === stop ? 0 : -1;
  }

  /** @param {Face[]} faces */
  function add(faces) {
    const there = new Set(inputs().map((input) => input.value));
    grid.append(...faces.filter((face) => !there.has(String(face.id))).map(item));
    tell();
  }

  const query = () =>
    [box.dataset.query, head.value, attributes.value.trim() && `attributes=${encodeURIComponent(attributes.value.trim())}`]
      .filter(Boolean)
      .join("&");

  /** @param {string} url @param {boolean} afresh whether what is not chosen goes first */
  async function load(url, afresh) {
    const mine = ++asked;
    box.setAttribute("aria-busy", "true");
    try {
      const answer = await request(url);
      // An answer to an earlier filter must not come after that to a later one.
      if (mine !== asked) return;
      if (afresh) for (const input of inputs()) if (!input.checked) input.closest("label")?.remove();
      next = answer.next ?? null;
      const isOne = !answer.results;
      add(isOne ? [answer] : answer.results);
      const one = isOne && inputs().find((input) => input.value === String(answer.id));
      // Who knows a face's number wants that face.
      if (one && !one.checked) one.click();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine !== asked) return;
      told.textContent = error.status === 404 ? `There is no face ${number.value.trim()}.` : error.message;
    } finally {
      if (mine === asked) box.removeAttribute("aria-busy");
    }
  }

  function refresh() {
    const wanted = number.value.trim();
    if (!wanted) return load(`${box.dataset.facesUrl}?${query()}${query() ? "&" : ""}limit=${AT_ONCE}`, true);
    if (/^\d{1,15}$/.test(wanted)) return load((box.dataset.faceUrl ?? "").replace(/0$/, wanted), true);
    told.textContent = `${wanted} is no number of a face.`;
  }

  let timer = 0;
  const filter = part("filter");
  filter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, PATIENCE_MS);
  });
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target instanceof HTMLSelectElement) return;
    // Enter in the filter is not yet a choice.
    event.preventDefault();
    clearTimeout(timer);
    refresh();
  });
  more.addEventListener("click", () => next && load(next, false));
  none.addEventListener("click", () => {
    for (const input of inputs()) input.checked = false;
    tell();
    (inputs()[0] ?? number).focus();
    box.dispatchEvent(new Event("change", { bubbles: true }));
  });
  grid.addEventListener("change", tell);
  grid.addEventListener("keydown", (event) => {
    const all = inputs(), at = all.findIndex((input) => input === event.target);
    // Radio buttons know their arrows.
    if (at < 0 || all[at].type !== "checkbox" || !(event.key in MOVES)) return;
    event.preventDefault();
    all[MOVES[event.key](at, all.length - 1)].focus();
    tell();
  });

  if (inputs().length) tell();
  else
    new IntersectionObserver((seen, observer) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      observer.disconnect();
      refresh();
    }, { rootMargin: "600px" }).observe(box);
}

/**
 * The numbers of the faces that are chosen.
 * @param {HTMLElement} within that has a picker with inputs of this name
 * @param {string} [name]
 */
export function chosenFaces(within, name = "face") {
  /** @type {NodeListOf<HTMLInputElement>} */
  const inputs = within.querySelectorAll(`[data-picker-grid] input[name="${name}"]:checked`);
  return Array.from(inputs, (input) => Number(input.value));
}

/** Wire every picker of the page. */
export function wirePickers() {
  /** @type {NodeListOf<HTMLElement>} */
  const boxes = document.querySelectorAll("[data-picker]");
  for (const box of boxes) wirePicker(box);
}
