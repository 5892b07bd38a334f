// @ts-check
/** A closer look at the picture in a frame: by key, click, wheel, pinch; moved by drag or keys. */

const CLOSE = 2.5;
const CLOSEST = 6;
const STEP = 1.4;
const WHEEL_PER_STEP = 240;
const MOVE = 0.18;
const CLICK_PX = 5;

/** @typedef {{x: number, y: number}} Point on the screen */

export class Zoom {
  /**
   * @param {HTMLElement} frame holds one picture, which fills it
   * @param {(isOn: boolean) => void} changed
   */
  constructor(frame, changed) {
    this.frame = frame;
    this.changed = changed;
    this.scale = 1;
    this.left = 0;
    this.top = 0;
    /** @type {Point | null} where the mouse is over the frame */
    this.mouse = null;
    this.#listenToTheMouse();
  }

  get isOn() {
    return this.scale > 1;
  }

  /** @param {boolean} isOn towards the mouse where it is over the face, else the middle */
  set(isOn) {
    this.to(isOn ? CLOSE : 1, this.mouse ?? this.#middle());
  }

  /** @param {1 | -1} direction one step closer or farther */
  step(direction) {
    this.to(this.scale * STEP ** direction, this.mouse ?? this.#middle());
  }

  /**
   * @param {number} scale
   * @param {Point} around stays where it is
   */
  to(scale, around) {
    const { left, top } = this.frame.getBoundingClientRect();
    const next = scale < 1.05 ? 1 : Math.min(scale, CLOSEST);
    const x = around.x - left;
    const y = around.y - top;
    this.left = x - ((x - this.left) * next) / this.scale;
    this.top = y - ((y - this.top) * next) / this.scale;
    this.#apply(next);
  }

  /** @param {number} dx @param {number} dy in pixels of the screen */
  move(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.#apply(this.scale);
  }

  /** @param {number} x @param {number} y in steps, as arrow keys count: right is 1, 0 */
  nudge(x, y) {
    const { width, height } = this.frame.getBoundingClientRect();
    this.move(-x * MOVE * width, -y * MOVE * height);
  }

  /** Another picture comes, seen whole. */
  reset() {
    if (!this.isOn) return;
    this.left = this.top = 0;
    this.#apply(1);
  }

  /** @returns {Point} */
  #middle() {
    const { left, top, width, height } = this.frame.getBoundingClientRect();
    return { x: left + width / 2, y: top + height * 0.55 };
  }

  /** @param {number} scale */
  #apply(scale) {
    const { clientWidth, clientHeight } = this.frame;
    // The picture always covers its frame.
    this.left = Math.min(0, Math.max(this.left, clientWidth * (1 - scale)));
    this.top = Math.min(0, Math.max(this.top, clientHeight * (1 - scale)));
    const wasOn = this.isOn;
    this.scale = scale;
    const picture = this.frame.firstElementChild;
    if (picture instanceof HTMLElement) {
      picture.style.transform = this.isOn
        ? `translate(${this.left}px, ${this.top}px) scale(${scale})`
        : "";
    }
    if (this.isOn !== wasOn) {
      this.frame.toggleAttribute("data-zoomed", this.isOn);
      this.changed(this.isOn);
    }
  }

  #listenToTheMouse() {
    /** @type {Point | null} where the button went down */
    let pressed = null;
    let travelled = 0;
    this.frame.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      pressed = { x: event.clientX, y: event.clientY };
      travelled = 0;
      this.frame.setPointerCapture(event.pointerId);
    });
    this.frame.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      this.mouse = { x: event.clientX, y: event.clientY };
      if (!pressed) return;
      travelled += Math.abs(event.movementX) + Math.abs(event.movementY);
      if (this.isOn) this.move(event.movementX, event.movementY);
    });
    this.frame.addEventListener("pointerup", (event) => {
      if (event.pointerType !== "mouse" || !pressed) return;
      if (travelled < CLICK_PX) this.to(this.isOn ? 1 : CLOSE, pressed);
      pressed = null;
    });
    this.frame.addEventListener("pointercancel", () => (pressed = null));
    this.frame.addEventListener("pointerleave", () => (this.mouse = null));
    this.frame.addEventListener(
      "wheel",
      (event) => {
        // Ctrl and the wheel, or two fingers on a pad, zoom the page elsewhere; here, the face. The
        // wheel alone belongs to a page that is too long for its window.
        const { scrollHeight, clientHeight } = document.documentElement;
        if (scrollHeight > clientHeight && !event.ctrlKey && !this.isOn) return;
        event.preventDefault();
        const speed = event.ctrlKey ? 6 : 1;
        const steps = (-event.deltaY * speed) / WHEEL_PER_STEP;
        this.to(this.scale * STEP ** steps, { x: event.clientX, y: event.clientY });
      },
      { passive: false },
    );
  }
}
