// @ts-check
/** Fingers on the face: a tap or a swipe answers, two fingers zoom, one finger moves what is zoomed. */

/** @typedef {import("./zoom.js").Zoom} Zoom */
/** @typedef {"left" | "right" | "up" | "down"} Way */

const TAP_PX = 12;
const TAP_MS = 600;
const HINT_PX = 24;
const SURE_PX = 72;
/** A second touch that comes sooner was meant for the face before. */
const BOUNCE_MS = 120;

/** @typedef {{x: number, y: number}} Point */

export class Gestures {
  /**
   * @param {HTMLElement} frame
   * @param {Zoom} zoom
   * @param {{isReady: () => boolean, tap: (share: number) => void, swipe: (way: Way) => void,
   *          lean: (way: Way | null, isSure: boolean, pull: Point) => void,
   *          touch: (share: number | null) => void}} does
   *   tap, touch: at which share of the width; lean: a swipe that has not ended, null = given up
   */
  constructor(frame, zoom, does) {
    this.frame = frame;
    this.zoom = zoom;
    this.does = does;
    /** @type {Map<number, Point>} fingers that are down */
    this.fingers = new Map();
    /** @type {{at: Point, time: number, isTap: boolean} | null} null: no tap or swipe (any more) */
    this.begun = null;
    this.lastAnswer = 0;
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    frame.addEventListener("pointerup", (event) => this.#up(event));
    frame.addEventListener("pointercancel", (event) => this.#cancel(event));
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.pointerType === "mouse") return;
    this.frame.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, point(event));
    this.#giveUp();
    const isFree = event.timeStamp - this.lastAnswer > BOUNCE_MS && this.does.isReady();
    if (this.fingers.size > 1 || this.zoom.isOn || !isFree) return;
    this.begun = { at: point(event), time: event.timeStamp, isTap: true };
    this.does.touch(this.#share(event));
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = point(event);
    if (this.fingers.size === 2) this.#pinch(event.pointerId, before, now);
    else if (this.zoom.isOn) this.zoom.move(now.x - before.x, now.y - before.y);
    this.fingers.set(event.pointerId, now);
    if (!this.begun) return;
    const pull = from(this.begun.at, now);
    if (length(pull) > TAP_PX && this.begun.isTap) {
      // For good: a swipe that was taken back is no tap.
      this.begun.isTap = false;
      this.does.touch(null);
    }
    const { way, isSure } = swipe(pull);
    this.does.lean(way, isSure, pull);
  }

  /**
   * @param {number} id the finger that moved
   * @param {Point} before
   * @param {Point} now
   */
  #pinch(id, before, now) {
    const other = [...this.fingers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const ratio = length(from(other, now)) / Math.max(1, length(from(other, before)));
    const middle = { x: (other.x + now.x) / 2, y: (other.y + now.y) / 2 };
    this.zoom.to(this.zoom.scale * ratio, middle);
    if (this.zoom.isOn) this.zoom.move((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.fingers.delete(event.pointerId) || !this.begun) return;
    const { at, time, isTap } = this.begun;
    const pull = from(at, point(event));
    const { way, isSure } = swipe(pull);
    this.#giveUp();
    if (!this.does.isReady()) return;
    if (way && isSure) {
      this.lastAnswer = event.timeStamp;
      this.does.swipe(way);
    } else if (isTap && event.timeStamp - time < TAP_MS) {
      this.lastAnswer = event.timeStamp;
      this.does.tap(this.#share(event));
    }
  }

  /** @param {PointerEvent} event */
  #cancel(event) {
    if (this.fingers.delete(event.pointerId)) this.#giveUp();
  }

  #giveUp() {
    this.begun = null;
    this.does.touch(null);
    this.does.lean(null, false, { x: 0, y: 0 });
  }

  /** @param {PointerEvent} event @returns {number} 0 at the frame's left edge, 1 at its right */
  #share(event) {
    const { left, width } = this.frame.getBoundingClientRect();
    return (event.clientX - left) / width;
  }
}

/**
 * @param {Point} pull
 * @returns {{way: Way | null, isSure: boolean}}
 */
function swipe(pull) {
  const across = Math.abs(pull.x);
  const along = Math.abs(pull.y);
  if (Math.max(across, along) < HINT_PX) return { way: null, isSure: false };
  /** @type {Way} */
  const way = across > along ? (pull.x < 0 ? "left" : "right") : pull.y < 0 ? "up" : "down";
  // A slanted swipe is no clear answer.
  const isClear = Math.max(across, along) > 1.5 * Math.min(across, along);
  return { way, isSure: isClear && Math.max(across, along) >= SURE_PX };
}

/** @param {PointerEvent} event @returns {Point} */
const point = (event) => ({ x: event.clientX, y: event.clientY });

/** @param {Point} a @param {Point} b @returns {Point} */
const from = (a, b) => ({ x: b.x - a.x, y: b.y - a.y });

/** @param {Point} way */
const length = (way) => Math.hypot(way.x, way.y);
