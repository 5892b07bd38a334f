// @ts-check
/** Drawings in a page: their elements, and a drawing as a file of its own. */

const SVG = "http://www.w3.org/2000/svg";
const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-family", "font-size", "font-weight"];

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
export function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * The drawing with its colours written into it: a file knows no style sheet.
 * @param {SVGElement} drawing
 */
function standingAlone(drawing) {
  const copy = /** @type {SVGElement} */ (drawing.cloneNode(true));
  const originals = [drawing, ...drawing.querySelectorAll("*")];
  const copies = [copy, ...copy.querySelectorAll("*")];
  originals.forEach((original, index) => {
    const style = getComputedStyle(original);
    for (const name of KEPT) copies[index].setAttribute(name, style.getPropertyValue(name));
    copies[index].removeAttribute("class");
  });
  copy.setAttribute("xmlns", SVG);
  return new XMLSerializer().serializeToString(copy);
}

/** Every [data-save] button saves the drawing of its figure under that name. */
export function wireSaving() {
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-save]") : null;
    const drawing = button?.closest("[data-figure]")?.querySelector("svg[role=img]");
    if (!(button instanceof HTMLElement) || !(drawing instanceof SVGElement)) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([standingAlone(drawing)], { type: "image/svg+xml" }));
    link.download = `${button.dataset.save}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}
