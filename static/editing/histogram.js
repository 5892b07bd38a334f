// @ts-check
/** Faces by yaw and light, drawn from what the summary's address answers. */

import { draw } from "./svg.js";

const HEIGHT = 190, FLOOR = 164, TOP = 10;
export const EDGES = Array.from({ length: 25 }, (_, index) => -60 + 5 * index);

/** @typedef {{yaw_min: number | null, yaw_max: number | null, total: number, choices: Record<string, number>}} Bin */
/** @typedef {{total: number, without_yaw: number, choices: Record<string, number>, bins: Bin[]}} Summary */

/** @param {string[]} choices @param {string} choice */
const colour = (choices, choice) => (choice ? `choice-${(choices.indexOf(choice) % 5) + 1}` : "choice-none");

/** @param {Bin} bin */
function rangeOf({ yaw_min, yaw_max }) {
  if (yaw_min === null) return `below ${yaw_max}°`;
  return yaw_max === null ? `from ${yaw_min}°` : `${yaw_min}° to ${yaw_max}°`;
}

/**
 * @param {Element} histogram an empty svg
 * @param {Element} legend a list for what its colours mean
 * @param {Summary} summary
 */
export function drawHistogram(histogram, legend, summary) {
  const choices = Object.keys(summary.choices).filter(Boolean);
  const shown = [...choices, ""].filter((choice) => summary.choices[choice]);
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
    const told = shown.map((choice) => `${choice || "not known"} ${bin.choices[choice] ?? 0}`).join(", ");
    group.append(draw("title", {}, `${rangeOf(bin)}: ${bin.total} (${told})`));
    parts.push(group);
    if (bin.yaw_min !== null && bin.yaw_min % 15 === 0)
      parts.push(draw("text", { x: index * wide, y: FLOOR + 16, "text-anchor": "middle" }, `${bin.yaw_min}`));
  });
  histogram.replaceChildren(...parts);
  legend.replaceChildren(
    ...shown.map((choice) => {
      const item = document.createElement("li");
      const swatch = draw("svg", { viewBox: "0 0 1 1", "aria-hidden": "true" });
      swatch.append(draw("rect", { width: 1, height: 1, class: colour(choices, choice) }));
      item.append(swatch, `${choice || "not known"} ${summary.choices[choice].toLocaleString("en")}`);
      return item;
    }),
  );
}
