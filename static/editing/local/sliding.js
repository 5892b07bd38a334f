// @ts-check
/** The frames of a local edit, one of them shown, by slider and keyboard. */

/** @param {number} strength */
const signed = (strength) => `${strength > 0 ? "+" : strength < 0 ? "−" : ""}${Math.abs(strength)}`;

/**
 * @param {HTMLElement} sliding with a slider, .frames of pictures, [data-asked] and perhaps
 *   [data-frame], a link to the frame that is shown
 */
function show(sliding) {
  const slider = /** @type {HTMLInputElement} */ (sliding.querySelector("input[type=range]"));
  const frames = /** @type {NodeListOf<HTMLImageElement>} */ (sliding.querySelectorAll(".frames img"));
  const at = Number(slider.value);
  frames.forEach((frame, index) => { frame.hidden = index !== at; });
  const asked = signed(Number(frames[at].dataset.strength));
  sliding.querySelector("[data-asked]")?.replaceChildren(asked);
  slider.setAttribute("aria-valuetext", asked);
  const link = sliding.querySelector("[data-frame]");
  if (link instanceof HTMLAnchorElement) link.href = frames[at].src;
}

/** Wire every [data-sliding] of the page, also those that come later; 0 goes back to the photo. */
export function wireSliding() {
  document.addEventListener("input", (event) => {
    const slider = event.target instanceof HTMLInputElement && event.target.type === "range" ? event.target : null;
    const sliding = slider?.closest("[data-sliding]");
    if (sliding instanceof HTMLElement) show(sliding);
  });
  document.addEventListener("keydown", (event) => {
    const slider = event.target instanceof HTMLInputElement && event.target.type === "range" ? event.target : null;
    const sliding = slider?.closest("[data-sliding]");
    if (!slider || !(sliding instanceof HTMLElement) || event.key !== "0") return;
    event.preventDefault();
    slider.value = sliding.dataset.start ?? "0";
    show(sliding);
  });
  /** @type {NodeListOf<HTMLElement>} */
  const there = document.querySelectorAll("[data-sliding]");
  for (const sliding of there) show(sliding);
}

/**
 * The same from all over the page, where one edit is what the page is about.
 * @param {HTMLElement} sliding
 */
export function slideEverywhere(sliding) {
  const slider = /** @type {HTMLInputElement} */ (sliding.querySelector("input[type=range]"));
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.target instanceof Element && event.target.closest("input, select, textarea, summary, button, a");
    if (elsewhere || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = Number(slider.value), last = Number(slider.max);
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last, 0: Number(sliding.dataset.start) };
    if (!(event.key in moves)) return;
    event.preventDefault();
    slider.value = String(Math.min(Math.max(moves[event.key], 0), last));
    show(sliding);
  });
}
