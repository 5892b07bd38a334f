// @ts-check
/** Shapes on a face in unit coordinates: move, resize, mirror, draw as SVG. Nothing here knows the page. */

/** @typedef {[number, number]} Point */
/** @typedef {{kind: "rectangle", box: [number, number, number, number]}} Rectangle */
/** @typedef {{kind: "polygon", points: Point[]}} Polygon */
/** @typedef {{kind: "brush", width: number, points: Point[]}} Brush */
/** @typedef {{kind: "mask", rows: string[]}} Pixels */
/** @typedef {Rectangle | Polygon | Brush | Pixels} Shape */

export const MOST_POINTS = 600;
export const SMALLEST = 0.02;
/** The picture in SVG units: one unit is a hundredth of the face's crop. */
export const SCALE = 100;

/** @param {number} value @param {number} [low] @param {number} [high] */
export const clamp = (value, low = 0, high = 1) => Math.min(Math.max(value, low), high);

/** @param {number} value */
const rounded = (value) => Math.round(value * 1e4) / 1e4;

/** @param {Point} point @returns {Point} */
export const within = ([x, y]) => [rounded(clamp(x)), rounded(clamp(y))];

/** The left, upper, right and lower end of a shape. @param {Shape} shape @returns {[number, number, number, number]} */
export function bounds(shape) {
  if (shape.kind === "rectangle") return shape.box;
  if (shape.kind === "mask") return [0, 0, 1, 1];
  const reach = shape.kind === "brush" ? shape.width / 2 : 0;
  const xs = shape.points.map(([x]) => x), ys = shape.points.map(([, y]) => y);
  return [Math.min(...xs) - reach, Math.min(...ys) - reach, Math.max(...xs) + reach, Math.max(...ys) + reach];
}

/** @template {Shape} S @param {S} shape @param {(point: Point) => Point} move @returns {S} */
function changed(shape, move) {
  if (shape.kind === "rectangle") {
    const [x0, y0] = move([shape.box[0], shape.box[1]]), [x1, y1] = move([shape.box[2], shape.box[3]]);
    return { ...shape, box: rectangle([x0, y0], [x1, y1]).box };
  }
  if (shape.kind === "mask") return shape;
  return { ...shape, points: shape.points.map((point) => within(move(point))) };
}

/** The shape moved, but never over the edge. @template {Shape} S @param {S} shape @param {number} dx @param {number} dy @returns {S} */
export function moved(shape, dx, dy) {
  // A brush may hang over the edge by half of its width: its line is what must stay.
  const [x0, y0, x1, y1] = bounds(shape.kind === "brush" ? { ...shape, width: 0 } : shape);
  const right = clamp(dx, -x0, 1 - x1), down = clamp(dy, -y0, 1 - y1);
  return changed(shape, ([x, y]) => [x + right, y + down]);
}

/** The shape larger or smaller, its upper left corner where it was. @template {Shape} S @param {S} shape @param {number} dx @param {number} dy @returns {S} */
export function resized(shape, dx, dy) {
  if (shape.kind === "brush") return { ...shape, width: rounded(clamp(shape.width + dx + dy, SMALLEST, 0.5)) };
  const [x0, y0, x1, y1] = bounds(shape);
  const wide = Math.max(x1 - x0, 1e-6), tall = Math.max(y1 - y0, 1e-6);
  const sideways = clamp(wide + dx, SMALLEST, 1 - x0) / wide, down = clamp(tall + dy, SMALLEST, 1 - y0) / tall;
  return changed(shape, ([x, y]) => [x0 + (x - x0) * sideways, y0 + (y - y0) * down]);
}

/** The shape on the other half of the face. @param {Shape} shape @returns {Shape} */
export function mirrored(shape) {
  if (shape.kind === "mask") return { ...shape, rows: shape.rows.map((row) => Array.from(row).reverse().join("")) };
  return changed(shape, ([x, y]) => [1 - x, y]);
}

/** The rectangle between two corners, at least a little wide. @param {Point} one @param {Point} other @returns {Rectangle} */
export function rectangle(one, other) {
  let [x0, x1] = [clamp(one[0]), clamp(other[0])].sort((a, b) => a - b);
  let [y0, y1] = [clamp(one[1]), clamp(other[1])].sort((a, b) => a - b);
  if (x1 - x0 < SMALLEST) [x0, x1] = [Math.min(x0, 1 - SMALLEST), Math.min(x0, 1 - SMALLEST) + SMALLEST];
  if (y1 - y0 < SMALLEST) [y0, y1] = [Math.min(y0, 1 - SMALLEST), Math.min(y0, 1 - SMALLEST) + SMALLEST];
  return { kind: "rectangle", box: [rounded(x0), rounded(y0), rounded(x1), rounded(y1)] };
}

/** @param {Point} one @param {Point} other */
export const distance = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);

/** Where a shape lies, for ears. @param {Shape} shape */
export function told(shape) {
  const [x0, y0, x1, y1] = bounds(shape).map((value) => Math.round(100 * clamp(value)));
  return `${x0} to ${x1} across, ${y0} to ${y1} down`;
}

/** A shape as the d of an SVG path; a brush's is its line. @param {Shape} shape */
export function path(shape) {
  /** @param {Point} point */
  const at = ([x, y]) => `${rounded(x * SCALE)} ${rounded(y * SCALE)}`;
  if (shape.kind === "rectangle") {
    const [x0, y0, x1, y1] = shape.box;
    return `M${at([x0, y0])}L${at([x1, y0])}L${at([x1, y1])}L${at([x0, y1])}Z`;
  }
  if (shape.kind === "mask") return runs(shape.rows);
  const [first, ...rest] = shape.points;
  // A line of no length is drawn as a dot, thanks to its round end.
  if (shape.kind === "brush") return `M${at(first)}${(rest.length ? rest : [first]).map((point) => `L${at(point)}`).join("")}`;
  return `M${at(first)}${rest.map((point) => `L${at(point)}`).join("")}Z`;
}

/** @param {string[]} rows */
function runs(rows) {
  const tall = SCALE / rows.length, wide = SCALE / rows[0].length;
  return rows
    .flatMap((row, y) =>
      Array.from(row.matchAll(/1+/g), (run) => `M${run.index * wide} ${y * tall}h${run[0].length * wide}v${tall}h${-run[0].length * wide}z`),
    )
    .join("");
}
