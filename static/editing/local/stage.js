// @ts-check
/** The face to mark regions on: rectangles, polygons and brushes by mouse, finger and keyboard. */

import { MOST_POINTS, SCALE, clamp, distance, moved, path, rectangle, resized, told, within } from "./shapes.js";

/** @typedef {import("./shapes.js").Shape} Shape */
/** @typedef {import("./shapes.js").Point} Point */
/** @typedef {"move" | "rectangle" | "polygon" | "brush"} Tool */
/** @typedef {{name: string, shapes: Shape[]}} Region */
/** @typedef {{regions: Region[], at: number, shape: number}} Marks regions, the chosen one, its chosen shape or -1 */

const SVG = "http://www.w3.org/2000/svg";
const STEP = 0.02, FINE_STEP = 0.005;
/** So near to its first point, a polygon is closed; and brush strokes have points no nearer. */
const NEAR = 0.035, BETWEEN = 0.012;
/** @type {Record<string, Point>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

export class Stage {
  /** @type {Tool} */
  tool = "rectangle";
  brush = 0.08;
  /** @type {Shape | null} */
  draft = null;
  /** @type {Point} */
  cursor = [0.5, 0.5];
  /** @type {{at: Point, pointer: number} | null} */
  held = null;

  /**
   * @param {SVGSVGElement} svg with a [data-drawn] group
   * @param {Marks} marks what is drawn; changed in place
   * @param {{changed: () => void, added: (shape: Shape) => void, say: (sentence: string) => void}} heard
   */
  constructor(svg, marks, heard) {
    this.svg = svg;
    this.drawn = /** @type {SVGGElement} */ (svg.querySelector("[data-drawn]"));
    this.marks = marks;
    this.heard = heard;
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => this.drag(event));
    svg.addEventListener("pointerup", (event) => this.lift(event));
    svg.addEventListener("pointercancel", () => this.cancel());
    svg.addEventListener("keydown", (event) => this.key(event));
    svg.addEventListener("focus", () => this.show());
    svg.addEventListener("blur", () => this.show());
  }

  /** @param {Tool} tool */
  use(tool) {
    this.tool = tool;
    this.draft = null;
    this.show();
  }

  get chosen() {
    const { regions, at, shape } = this.marks;
    return regions[at]?.shapes[shape] ?? null;
  }

  /** @param {Shape} shape */
  replace(shape) {
    this.marks.regions[this.marks.at].shapes[this.marks.shape] = shape;
    this.heard.changed();
  }

  /** @param {PointerEvent} event @returns {Point} */
  place(event) {
    const box = this.svg.getBoundingClientRect();
    return within([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  }

  /** @param {PointerEvent} event */
  press(event) {
    // A second finger, or another button, is no part of the drawing.
    if (this.held || (event.pointerType === "mouse" && event.button !== 0)) return;
    const at = this.place(event);
    this.cursor = at;
    this.held = { at, pointer: event.pointerId };
    this.svg.setPointerCapture(event.pointerId);
    if (this.tool === "move") this.choose(event.target);
    if (this.tool === "rectangle") this.draft = rectangle(at, at);
    if (this.tool === "brush") this.draft = { kind: "brush", width: this.brush, points: [at] };
    this.show();
  }

  /** @param {EventTarget | null} target */
  choose(target) {
    const named = target instanceof Element ? target.closest("[data-region]") : null;
    if (!(named instanceof SVGElement)) return;
    this.marks.at = Number(named.dataset.region);
    this.marks.shape = Number(named.dataset.shape);
    this.heard.changed();
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.held?.pointer !== event.pointerId) return;
    const at = this.place(event), from = this.held.at;
    this.cursor = at;
    if (this.tool === "move" && this.chosen) {
      this.replace(moved(this.chosen, at[0] - from[0], at[1] - from[1]));
      this.held.at = at;
    }
    if (this.draft?.kind === "rectangle") this.draft = rectangle(from, at);
    if (this.draft?.kind === "brush") this.paint(at);
    this.show();
  }

  /** @param {PointerEvent} event */
  lift(event) {
    if (this.held?.pointer !== event.pointerId) return;
    const { at: from } = this.held;
    this.held = null;
    if (this.tool === "polygon") return this.point(this.place(event));
    // A press without a way is a slip and no rectangle; a brush leaves a dot.
    if (this.draft?.kind === "rectangle" && distance(from, this.place(event)) < BETWEEN) return this.cancel();
    if (this.draft) this.finish();
  }

  /** @param {Point} at */
  paint(at) {
    if (this.draft?.kind !== "brush") return;
    const last = this.draft.points[this.draft.points.length - 1];
    if (distance(last, at) >= BETWEEN && this.draft.points.length < MOST_POINTS)
      this.draft = { ...this.draft, points: [...this.draft.points, at] };
  }

  /** One more point of the polygon; near to the first or on the last one, it is closed. @param {Point} at */
  point(at) {
    const points = this.draft?.kind === "polygon" ? this.draft.points : [];
    const closes = points.length > 2 && (distance(points[0], at) < NEAR || distance(points[points.length - 1], at) < BETWEEN);
    if (closes) return this.finish();
    if (points.length && distance(points[points.length - 1], at) < BETWEEN) return;
    if (points.length >= MOST_POINTS) return this.heard.say(`A polygon has at most ${MOST_POINTS} points.`);
    this.draft = { kind: "polygon", points: [...points, at] };
    const more = points.length < 2 ? `${2 - points.length} more at least` : "Enter twice at one place closes it";
    this.heard.say(`Point ${points.length + 1}. ${more}.`);
    this.show();
  }

  finish() {
    const shape = this.draft;
    this.draft = null;
    this.held = null;
    if (shape) this.heard.added(shape);
    this.show();
  }

  cancel() {
    const was = this.draft;
    this.draft = null;
    this.held = null;
    if (was) this.heard.say("Cancelled.");
    else if (this.marks.shape >= 0) {
      this.marks.shape = -1;
      this.heard.say("Nothing is chosen.");
      this.heard.changed();
    }
    this.show();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const way = ARROWS[event.key];
    if (way) this.step(way, event.shiftKey);
    else if (event.key === "Enter" || event.key === " ") this.enter();
    else if (event.key === "Escape") this.cancel();
    else if (event.key === "Delete" || event.key === "Backspace") this.remove();
    else if (event.key === "+" || event.key === "-") this.widen(event.key === "+" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  /** @param {Point} way @param {boolean} resizes */
  step([x, y], resizes) {
    const dx = x * STEP, dy = y * STEP;
    if (this.draft?.kind === "rectangle") {
      this.draft = resizes ? resized(this.draft, dx, dy) : moved(this.draft, dx, dy);
      this.heard.say(told(this.draft));
    } else if (!this.draft && this.chosen) {
      this.replace(resizes ? resized(this.chosen, dx, dy) : moved(this.chosen, dx, dy));
      this.heard.say(this.chosen ? told(this.chosen) : "");
    } else {
      const fine = resizes ? FINE_STEP / STEP : 1;
      this.cursor = within([this.cursor[0] + dx * fine, this.cursor[1] + dy * fine]);
      this.paint(this.cursor);
      this.heard.say(`${Math.round(100 * this.cursor[0])} across, ${Math.round(100 * this.cursor[1])} down`);
    }
    this.show();
  }

  enter() {
    if (this.tool === "move") return this.next();
    // Something new begins: what was chosen is let go.
    if (!this.draft) this.marks.shape = -1;
    if (this.tool === "polygon") return this.point(this.cursor);
    if (this.draft) return this.finish();
    const [x, y] = this.cursor;
    if (this.tool === "rectangle") this.draft = rectangle([x - 0.1, y - 0.1], [x + 0.1, y + 0.1]);
    else this.draft = { kind: "brush", width: this.brush, points: [this.cursor] };
    this.heard.say(
      this.tool === "rectangle" ? "A rectangle. Arrows move it, with Shift they resize it, Enter keeps it." : "The brush is down. Arrows paint, Enter lifts it.",
    );
    this.show();
  }

  /** Choose the next shape of all regions. */
  next() {
    const all = this.marks.regions.flatMap((region, at) => region.shapes.map((_, shape) => ({ at, shape })));
    if (!all.length) return this.heard.say("There is nothing to choose yet.");
    const here = all.findIndex(({ at, shape }) => at === this.marks.at && shape === this.marks.shape);
    const { at, shape } = all[(here + 1) % all.length];
    Object.assign(this.marks, { at, shape });
    const { name, shapes } = this.marks.regions[at];
    this.heard.say(`${name}, ${shapes[shape].kind} ${shape + 1} of ${shapes.length}: ${told(shapes[shape])}`);
    this.heard.changed();
    this.show();
  }

  remove() {
    if (this.draft?.kind === "polygon" && this.draft.points.length > 1) {
      this.draft = { ...this.draft, points: this.draft.points.slice(0, -1) };
      this.heard.say("Last point removed.");
    } else if (this.draft) this.cancel();
    else if (this.chosen) {
      const region = this.marks.regions[this.marks.at];
      region.shapes.splice(this.marks.shape, 1);
      this.marks.shape = region.shapes.length - 1;
      this.heard.say(`Removed. ${region.name} has ${region.shapes.length} ${region.shapes.length === 1 ? "shape" : "shapes"}.`);
      this.heard.changed();
    }
    this.show();
  }

  /** @param {number} sign */
  widen(sign) {
    if (this.draft?.kind === "brush") this.draft = resized(this.draft, sign * FINE_STEP * 2, 0);
    this.brush = clamp(this.brush + sign * FINE_STEP * 2, 0.02, 0.3);
    this.heard.say(`Brush ${Math.round(100 * this.brush)} wide.`);
    this.heard.changed();
  }

  show() {
    const parts = this.marks.regions.flatMap((region, at) =>
      region.shapes.map((shape, index) => {
        const chosen = at === this.marks.at ? (index === this.marks.shape ? " chosen" : " current") : "";
        return this.element(shape, { class: `region colour-${(at % 6) + 1}${chosen}`, "data-region": at, "data-shape": index });
      }),
    );
    if (this.draft) parts.push(this.element(this.draft, { class: "draft" }));
    if (this.draft?.kind === "polygon")
      parts.push(...this.draft.points.map(([x, y]) => draw("circle", { class: "corner", cx: x * SCALE, cy: y * SCALE, r: 1.2 })));
    if (document.activeElement === this.svg && this.svg.matches(":focus-visible")) parts.push(this.cross());
    this.drawn.replaceChildren(...parts);
  }

  /** @param {Shape} shape @param {Record<string, string | number>} attributes */
  element(shape, attributes) {
    const drawn = draw("path", { d: path(shape), ...attributes, class: `${attributes.class} ${shape.kind}` });
    if (shape.kind === "brush") drawn.setAttribute("stroke-width", String(shape.width * SCALE));
    return drawn;
  }

  cross() {
    const [x, y] = [this.cursor[0] * SCALE, this.cursor[1] * SCALE];
    return draw("path", { class: "cross", d: `M${x - 4} ${y}H${x + 4}M${x} ${y - 4}V${y + 4}` });
  }
}
